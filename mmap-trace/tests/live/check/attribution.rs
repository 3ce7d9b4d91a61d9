//! Attribution: many readers at once, signal handlers, files of two scenarios, reused inode numbers.

use anyhow::{Context as _, Result, ensure};

use super::{hold_expectations, play};
use crate::{
    harness::{Outcome, Test},
    tracer::Recording,
};

pub(super) const TESTS: &[Test] = &[
    (
        "each of 60 readers that block at the same time is counted to the byte",
        || held("blocked-readers"),
    ),
    (
        "a copying signal handler loses neither its own bytes nor those of the call it interrupts",
        interrupted,
    ),
    (
        "pages of a file dirtied by two scenarios are reported as shared",
        shared,
    ),
    (
        "a reused inode number does not mix up the owners of its pages",
        || held("inode-used-again"),
    ),
];

fn held(name: &str) -> Result<Outcome> {
    hold_expectations(&play(name, &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

fn interrupted() -> Result<Outcome> {
    let recording = play("interrupted", &[])?.expect()?;
    hold_expectations(&recording)?;
    let faults = recording.count("interrupted", "faults")?;
    let rusage = recording.rusage_faults("interrupted")?;
    ensure!(faults == rusage, "{faults} faults, getrusage {rusage}");
    let misses = &recording.0["losses"]["recursion_misses"];
    ensure!(misses == 0, "recursion misses {misses}");
    Ok(Outcome::Passed)
}

fn shared() -> Result<Outcome> {
    let recording = play("shared-inode", &[])?.expect()?;
    hold_expectations(&recording)?;
    ensure!(pages_written(&recording, "third")?["value"] == 1);
    let second = pages_written(&recording, "second")?;
    let reason = second["reason"].as_str().unwrap_or_default();
    ensure!(
        second["value"].is_null() && reason.contains("another scenario had dirtied"),
        "{second}"
    );
    Ok(Outcome::Passed)
}

fn pages_written<'a>(recording: &'a Recording, scenario: &str) -> Result<&'a serde_json::Value> {
    recording.scenario(scenario)?["counts"]
        .get("pages_written")
        .context("no pages_written")
}
