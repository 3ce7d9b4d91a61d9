//! All tests by subject. The name of a test is the sentence that it checks.

mod accounts;
mod attribution;
mod command;
mod commands_on_disks;
mod comparison;
mod copies;
mod course;
mod disk;
mod doctor;
mod ends;
mod evidence;
mod fence;
mod file_systems;
mod frames;
mod ipc;
mod leftovers;
mod lessons;
mod marks;
mod pages;
mod predictions;
mod programs;
mod restricted;
mod samples;
mod sudo;
mod terminal;
mod unprivileged;
mod untrusted;
mod usage;
mod writing;

use anyhow::{Context as _, Result, ensure};
use comparison::Comparison;

use crate::{
    harness::{Subject, Test, Where},
    lesson,
    tracer::{self, Ran, Recording, Start},
};

/// Every test in the order of execution, and where it runs.
pub(crate) const SUBJECTS: &[Subject] = &[
    every_kernel("calibration", evidence::TESTS),
    every_kernel("bytes", copies::TESTS),
    host_only("bytes of commands", copies::COMMANDS),
    every_kernel("calls and faults of commands", accounts::TESTS),
    every_kernel("faults and writeback of scenarios", marks::TESTS),
    host_only("backup programs", marks::BACKUP_PROGRAMS),
    every_kernel("attribution", attribution::TESTS),
    every_kernel("other probes, fewer privileges", restricted::TESTS),
    every_kernel("lessons", lessons::TESTS),
    host_only("the whole course", course::TESTS),
    host_only("lessons run many times", lessons::MANY_RUNS),
    every_kernel("messages between processes", ipc::TESTS),
    host_only("CPU samples", samples::TESTS),
    host_only("other people's programs", programs::TESTS),
    host_only("programs and their output", programs::outputs::TESTS),
    host_only(
        "programs and the kernel's accounts",
        programs::written::TESTS,
    ),
    host_only("Redis", programs::redis::TESTS),
    every_kernel("PFN lookup", frames::TESTS),
    every_kernel("what is left behind", leftovers::TESTS),
    host_only("interruptions", leftovers::INTERRUPTIONS),
    host_only("lessons that do not end", ends::TESTS),
    every_kernel("session pages with wrong contents", untrusted::TESTS),
    host_only("names with control characters", untrusted::NAMES),
    host_only("exec as a wrapper", command::TESTS),
    host_only("wrong usage", usage::TESTS),
    host_only("how to write a lesson", writing::TESTS),
    host_only("predictions", predictions::TESTS),
    host_only("pages", pages::TESTS),
    host_only("small disks", disk::TESTS),
    every_kernel("ext4 images", file_systems::TESTS),
    host_only("ext4 images on other disks", file_systems::ON_OTHERS),
    host_only("commands on other disks", commands_on_disks::TESTS),
    every_kernel("without root", unprivileged::TESTS),
    host_only("fallbacks offered without root", unprivileged::OFFERS),
    every_kernel("doctor", doctor::TESTS),
    host_only("the doctor's text", doctor::TEXT),
    host_only("sudo", sudo::TESTS),
    host_only("hostile lessons", fence::TESTS),
    host_only("the terminal", terminal::TESTS),
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

/// Runs the tracer on this binary, which plays the part of a lesson (`lesson/mod.rs`).
fn play(name: &str, options: &[&str]) -> Result<Ran> {
    tracer::repeat_if_skipped(|| {
        let mut start = start_play(name)?;
        start.command.args(options);
        start.finish()
    })
}

/// The same before it starts, so that a test can add options.
fn start_play(name: &str) -> Result<Start> {
    let folder = lesson::folder()?;
    let mut command = tracer::command(["run"])?;
    command
        .arg(lesson::argument(&folder))
        .args(["--only", name]);
    Ok(Start::keeping(folder, command))
}

/// The metric of a key such as `sender:faults.user`.
fn metric_of(key: &str) -> &str {
    let key = key.split_once(':').map_or(key, |(_, key)| key);
    key.split_once('.').map_or(key, |(metric, _)| metric)
}

/// Compares a recording with the counts that its scenarios announced, of which nothing may be lost; returns the
/// number of comparisons.
fn hold_expectations(recording: &Recording) -> Result<usize> {
    let mut comparison = Comparison::of(recording);
    for name in recording.scenarios() {
        let expected = &recording.scenario(name)?["observed"]["expect"]["by"];
        for (key, value) in expected.as_object().into_iter().flatten() {
            comparison.count(name, key, value.as_u64().context("a negative expectation")?);
        }
        // It is unknown what a store copied whose mapping another thread kept locked.
        let unclassified = recording.count(name, "faults.unclassified").unwrap_or(0);
        let is_announced = |metric: &str| {
            let mut keys = expected.as_object().into_iter().flatten();
            keys.any(|(key, _)| metric_of(key) == metric)
        };
        if recording.losses_of(name, is_announced)? > unclassified {
            comparison.fail(format!(
                "{name}: something was lost: {} in {}",
                recording.0["losses"],
                recording.scenario(name)?["counts"]
            ));
        }
    }
    let held = comparison.end()?;
    ensure!(
        held > 0,
        "no scenario expected anything: {:?}",
        recording.scenarios()
    );
    Ok(held)
}

/// The reason why a metric is unavailable; `None` if it is available.
fn refusal(recording: &Recording, metric: &str) -> Result<Option<String>> {
    let record = recording.0["metrics"]
        .as_array()
        .and_then(|all| all.iter().find(|record| record["name"] == metric))
        .with_context(|| format!("no metric {metric}"))?;
    Ok((record["state"] == "unavailable")
        .then(|| record["reason"].as_str().unwrap_or_default().to_owned()))
}
