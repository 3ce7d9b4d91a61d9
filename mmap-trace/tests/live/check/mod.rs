//! The tests, by subject. Names are the sentences that they prove.

mod accounts;
mod attribution;
mod command;
mod copies;
mod disk;
mod doctor;
mod ends;
mod evidence;
mod frames;
mod ipc;
mod leftovers;
mod lessons;
mod marks;
mod programs;
mod restricted;
mod sudo;
mod unprivileged;
mod untrusted;
mod usage;

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::Test,
    lesson,
    tracer::{self, Ran, Recording},
};

/// Every test, in the order in which they run.
pub(crate) fn tests() -> Vec<Test> {
    [
        evidence::TESTS,
        copies::TESTS,
        accounts::TESTS,
        marks::TESTS,
        attribution::TESTS,
        restricted::TESTS,
        lessons::TESTS,
        ipc::TESTS,
        programs::TESTS,
        frames::TESTS,
        leftovers::TESTS,
        ends::TESTS,
        untrusted::TESTS,
        command::TESTS,
        usage::TESTS,
        disk::TESTS,
        unprivileged::TESTS,
        doctor::TESTS,
        sudo::TESTS,
    ]
    .concat()
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
