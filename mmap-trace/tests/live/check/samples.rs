//! CPU samples, compared with the CPU time of getrusage, with perf's samples of an untraced run, and with
//! programs whose share of copying is known. An emulated CPU misses ticks, so these run on the host only.

use std::{ffi::OsStr, ops::RangeInclusive};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    harness::{Outcome, Test},
    oracle,
    tracer::{self, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "the number of samples agrees with the CPU time of getrusage",
        rate,
    ),
    (
        "the sampled share of copying equals perf's for an untraced run",
        perf_agrees,
    ),
    ("filling memory with zeros is not sampled as copying", zeros),
    ("only a run that asks for samples has samples", not_asked),
];

const LESSON: &str = "lesson-12";
/// Between two ticks (`attach::programs::SAMPLE_PERIOD_NS`).
const PERIOD_NS: u64 = 100_003;

/// A large or a small message on each kind of path; the cost of the tracer itself is small beside them.
const SCENARIOS: [&str; 4] = ["read-60k", "read-1m", "tcp-1m", "udp-60k"];

fn run(scenario: &str) -> Result<Recording> {
    tracer::run(OsStr::new(LESSON), &["--only", scenario])?.expect()
}

/// All samples, and those in code that copies.
fn samples(recording: &Recording, scenario: &str) -> Result<(u64, u64)> {
    Ok((
        recording.count(scenario, "cpu_samples")?,
        recording.count(scenario, "cpu_samples.copying")?,
    ))
}

/// Measurements of the same at most; odd, so that there is one in the middle.
const ROUNDS: usize = 7;

/// Whether the median of a few measurements lies in `range`. What else runs on the machine moves a single
/// one of them; what the tracer does wrong moves them all.
fn holds_in_the_middle(
    range: RangeInclusive<f64>,
    mut measure: impl FnMut() -> Result<(f64, String)>,
) -> Result<()> {
    let mut measured = Vec::new();
    for round in 1..=ROUNDS {
        measured.push(measure()?);
        measured.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        if round % 2 == 1 && range.contains(&measured[round / 2].0) {
            return Ok(());
        }
    }
    let told: Vec<_> = measured.into_iter().map(|(_, text)| text).collect();
    bail!("{}", told.join("\n"))
}

/// A busy host takes the CPU away, which the clock of the ticks and that of the account see differently.
fn rate() -> Result<Outcome> {
    for scenario in SCENARIOS {
        holds_in_the_middle(0.75..=4.0 / 3.0, || {
            let recording = run(scenario)?;
            let (all, _) = samples(&recording, scenario)?;
            let record = recording.scenario(scenario)?;
            let by = &record["observed"];
            let of = |name: &str| by[name]["value"].as_u64().context("no rusage");
            let rounds = record["rounds"].as_u64().context("no rounds")?;
            let used_us = (of("rusage_user_us")? + of("rusage_system_us")?) * rounds;
            let sampled_us = all * PERIOD_NS / 1000;
            let told = format!(
                "{scenario}: samples stand for {sampled_us} µs, and getrusage tells of {used_us} µs"
            );
            Ok((sampled_us as f64 / used_us as f64, told))
        })?;
    }
    Ok(Outcome::Passed)
}

/// Both are measured in turns, so that other work on the machine, which takes caches and memory bandwidth
/// from the copies, meets both.
fn perf_agrees() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("perf") {
        return Ok(Outcome::Skipped(reason));
    }
    for scenario in SCENARIOS {
        holds_in_the_middle(-10.0..=10.0, || {
            let (all, copying) = samples(&run(scenario)?, scenario)?;
            let (copying_by_perf, all_by_perf) = perf_of_bodies(scenario)?;
            let [ours, theirs] = [(copying, all), (copying_by_perf, all_by_perf)]
                .map(|(part, whole)| 100.0 * part as f64 / whole.max(1) as f64);
            let told = format!(
                "{scenario}: {ours:.1} % of {all} samples are copying, and {theirs:.1} % of {all_by_perf} by perf"
            );
            Ok((ours - theirs, told))
        })?;
    }
    Ok(Outcome::Passed)
}

/// perf's samples of a run minus those of a run with empty scenarios: the tracer samples neither the start
/// of the program nor the creation of its file.
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

/// Reads of `/dev/zero` count as copied bytes, but the kernel clears the buffer instead (`clear_user`).
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
