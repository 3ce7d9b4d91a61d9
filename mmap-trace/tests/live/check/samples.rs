//! Samples: against the CPU time that getrusage tells, against perf's samples of an untraced run, and on
//! programs whose share of copying is known. An emulated CPU misses ticks, so these run on the host only.

use std::ffi::OsStr;

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Outcome, Test},
    oracle,
    tracer::{self, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "samples come at their rate, by the CPU time of getrusage",
        rate,
    ),
    (
        "the sampled share of copying is perf's of an untraced run",
        perf_agrees,
    ),
    ("filling memory with zeros is no copying", zeros),
    ("only a run that asks for samples has them", not_asked),
];

const LESSON: &str = "lesson-12";
/// Between two ticks (`attach::programs::SAMPLE_PERIOD_NS`).
const PERIOD_NS: u64 = 100_003;

/// A large and a small message of each kind of path. What the tracer itself costs is little beside them.
const SCENARIOS: [&str; 4] = ["read-60k", "read-1m", "tcp-1m", "udp-60k"];

fn run(scenario: &str) -> Result<Recording> {
    tracer::run(OsStr::new(LESSON), &["--only", scenario])?.expect()
}

/// Samples in all and in copying.
fn samples(recording: &Recording, scenario: &str) -> Result<(u64, u64)> {
    Ok((
        recording.count(scenario, "cpu_samples")?,
        recording.count(scenario, "cpu_samples.copying")?,
    ))
}

/// A busy host takes the CPU away, which the clock of the ticks and that of the account see differently.
fn rate() -> Result<Outcome> {
    for scenario in SCENARIOS {
        let recording = run(scenario)?;
        let (all, _) = samples(&recording, scenario)?;
        let record = recording.scenario(scenario)?;
        let by = &record["observed"];
        let of = |name: &str| by[name]["value"].as_u64().context("no rusage");
        let rounds = record["rounds"].as_u64().context("no rounds")?;
        let used_us = (of("rusage_user_us")? + of("rusage_system_us")?) * rounds;
        let sampled_us = all * PERIOD_NS / 1000;
        ensure!(
            sampled_us * 4 > used_us * 3 && sampled_us * 3 < used_us * 4,
            "{scenario}: samples stand for {sampled_us} µs, and getrusage tells of {used_us} µs"
        );
    }
    Ok(Outcome::Passed)
}

fn perf_agrees() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("perf") {
        return Ok(Outcome::Skipped(reason));
    }
    for scenario in SCENARIOS {
        let (all, copying) = samples(&run(scenario)?, scenario)?;
        let (copying_by_perf, all_by_perf) = perf_of_bodies(scenario)?;
        let [ours, theirs] = [(copying, all), (copying_by_perf, all_by_perf)]
            .map(|(part, whole)| 100 * part / whole.max(1));
        ensure!(
            ours.abs_diff(theirs) <= 10,
            "{scenario}: {ours} % of {all} samples are copying, and {theirs} % of {all_by_perf} by perf"
        );
    }
    Ok(Outcome::Passed)
}

/// Perf's samples of a run, less those of a run without the bodies of its scenarios: starting the program
/// and making the file are no part of what we sample.
fn perf_of_bodies(scenario: &str) -> Result<(u64, u64)> {
    let program = tracer::lesson(LESSON)?.to_string_lossy().into_owned();
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let by_perf = |options: &[&str]| {
        let command = [&[program.as_str(), "--only", scenario], options].concat();
        let command: Vec<_> = command.into_iter().map(str::to_owned).collect();
        oracle::perf_samples(&command, directory.path())
    };
    let (whole, empty) = (by_perf(&[])?, by_perf(&["--empty"])?);
    Ok((
        whole.0.saturating_sub(empty.0),
        whole.1.saturating_sub(empty.1),
    ))
}

/// Reads of `/dev/zero` are booked as copied bytes, but the kernel clears the buffer (`clear_user`).
fn zeros() -> Result<Outcome> {
    let command = ["dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=4000"].map(str::to_owned);
    let recording = tracer::exec(&["--force-probe", "cpu_samples=symbols"], &command)?.expect()?;
    let (all, copying) = samples(&recording, "exec")?;
    ensure!(all >= 100, "{all} samples are too few");
    ensure!(
        copying * 50 <= all,
        "{copying} of {all} samples are in code that copies"
    );
    Ok(Outcome::Passed)
}

fn not_asked() -> Result<Outcome> {
    let recording = tracer::exec(&[], &["true".to_owned()])?.expect()?;
    let counts = &recording.scenario("exec")?["counts"];
    ensure!(counts["cpu_samples"].is_null(), "{counts}");
    ensure!(!counts["faults"].is_null(), "{counts}");
    Ok(Outcome::Passed)
}
