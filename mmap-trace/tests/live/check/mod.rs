//! The tests, by subject. Names are the sentences that they prove.

mod accounts;
mod attribution;
mod command;
mod copies;
mod course;
mod disk;
mod doctor;
mod ends;
mod evidence;
mod frames;
mod ipc;
mod leftovers;
mod lessons;
mod marks;
mod predictions;
mod programs;
mod restricted;
mod samples;
mod sudo;
mod unprivileged;
mod untrusted;
mod usage;

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Subject, Test, Where},
    lesson,
    tracer::{self, Ran, Recording},
};

/// Every test, in the order in which they run, and where.
pub(crate) const SUBJECTS: &[Subject] = &[
    every_kernel("calibration", evidence::TESTS),
    every_kernel("bytes", copies::TESTS),
    host_only("bytes of commands", copies::COMMANDS),
    every_kernel("calls and faults of commands", accounts::TESTS),
    every_kernel("faults and writeback of scenarios", marks::TESTS),
    host_only("second programs", marks::SECOND_PROGRAMS),
    every_kernel("attribution", attribution::TESTS),
    every_kernel("other probes, fewer rights", restricted::TESTS),
    every_kernel("lessons", lessons::TESTS),
    host_only("the whole course", course::TESTS),
    host_only("lessons in many runs", lessons::MANY_RUNS),
    every_kernel("messages between processes", ipc::TESTS),
    host_only("samples of the CPU", samples::TESTS),
    host_only("programs of others", programs::TESTS),
    every_kernel("page frames", frames::TESTS),
    every_kernel("what is left behind", leftovers::TESTS),
    host_only("interruptions", leftovers::INTERRUPTIONS),
    host_only("lessons that do not end", ends::TESTS),
    every_kernel("a session page that lies", untrusted::TESTS),
    host_only("names that a terminal would obey", untrusted::NAMES),
    host_only("exec as a wrapper", command::TESTS),
    host_only("wrong usage", usage::TESTS),
    host_only("predictions", predictions::TESTS),
    host_only("small disks", disk::TESTS),
    every_kernel("without root", unprivileged::TESTS),
    host_only("offers without root", unprivileged::OFFERS),
    every_kernel("doctor", doctor::TESTS),
    host_only("the doctor's text", doctor::TEXT),
    host_only("sudo", sudo::TESTS),
];

const fn every_kernel(name: &'static str, tests: &'static [Test]) -> Subject {
    Subject {
        name,
        place: Where::EveryKernel,
        tests,
    }
}

const fn host_only(name: &'static str, tests: &'static [Test]) -> Subject {
    Subject {
        name,
        place: Where::HostOnly,
        tests,
    }
}

/// Traces this binary as a lesson that does one play.
fn play(name: &str, options: &[&str]) -> Result<Ran> {
    let folder = lesson::folder()?;
    let options = [&["--only", name], options].concat();
    tracer::run(&lesson::argument(&folder), &options)
}

/// Holds a recording against what the scenarios said themselves must be counted, and counts the checks.
fn hold_expectations(recording: &Recording) -> Result<usize> {
    let mut wrong = Vec::new();
    let mut held = 0;
    for name in recording.scenarios() {
        let expected = &recording.scenario(name)?["observed"]["expect"]["by"];
        for (key, value) in expected.as_object().into_iter().flatten() {
            let value = value.as_u64().context("a negative expectation")?;
            match recording.count(name, key) {
                Ok(count) if count == value => held += 1,
                Ok(count) => wrong.push(format!("{name}: {key} is {count}, not {value}")),
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
        if recording.losses(name)? != 0 {
            wrong.push(format!("{name}: something was lost"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    ensure!(
        held > 0,
        "no scenario expected anything: {:?}",
        recording.scenarios()
    );
    Ok(held)
}

/// Why a metric is not available; `None` if it is.
fn refusal(recording: &Recording, metric: &str) -> Result<Option<String>> {
    let record = recording.0["metrics"]
        .as_array()
        .and_then(|all| all.iter().find(|record| record["name"] == metric))
        .with_context(|| format!("no metric {metric}"))?;
    Ok((record["state"] == "unavailable")
        .then(|| record["reason"].as_str().unwrap_or_default().to_owned()))
}
