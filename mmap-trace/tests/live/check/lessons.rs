//! The shipped lessons, compared with getrusage, with strace and perf, and with earlier runs.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use super::comparison::Comparison;
use crate::{
    harness::{Outcome, Pace, Test},
    oracle,
    tracer::{self, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "no claim of any lesson fails, and all claims of lessons 1 to 3 hold",
        claims,
    ),
    (
        "the null scenario of every lesson counts nothing",
        null_is_zero,
    ),
    (
        "faults equal getrusage in every scenario of every lesson",
        faults,
    ),
    ("lesson 3 at 8 MiB counts what its text says", || {
        lesson_3("8MiB", 8 << 20)
    }),
    (
        "system calls of a scenario equal strace's count minus that of the empty scenario",
        calls,
    ),
    (
        "faults of a scenario equal perf's count minus that of the empty scenario",
        perf,
    ),
];

pub(super) const MANY_RUNS: &[Test] = &[
    ("lesson 3 at 64 MiB counts what its text says", || {
        lesson_3("64MiB", 64 << 20)
    }),
    ("twenty runs in a row give equal counts", repeated),
];

pub(super) const LESSONS: [&str; 14] = [
    "lesson-1",
    "lesson-2",
    "lesson-3",
    "lesson-4",
    "lesson-5",
    "lesson-6",
    "lesson-7",
    "lesson-8",
    "lesson-9",
    "lesson-10",
    "lesson-11",
    "lesson-12",
    "lesson-13",
    "lesson-14",
];

fn run(lesson: &str, options: &[&str]) -> Result<Recording> {
    tracer::lesson(lesson)?;
    let ran = tracer::run(OsStr::new(lesson), options)?;
    let code = ran.output.status.code();
    let error = ran.error();
    let recording = ran.expect().with_context(|| lesson.to_owned())?;
    let failed = recording.0["claims"].as_array().into_iter().flatten();
    let failed = failed.filter(|claim| claim["verdict"] == "fails");
    let failed: Vec<String> = failed.map(|claim| format!("{lesson}: {claim}")).collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    ensure!(
        matches!(code, Some(0 | 3)),
        "{lesson} ended with {code:?}: {error}"
    );
    Ok(recording)
}

/// One run of each lesson, shared by all tests that need no particular run.
static RUNS: Mutex<BTreeMap<&str, Recording>> = Mutex::new(BTreeMap::new());

/// The options of a run of all lessons.
pub(super) const OPTIONS: [&str; 3] = ["--size", "4MiB", "--no-wait"];

/// The options of one lesson's run. In a VM, where every byte takes long, it works on the smallest size at
/// which all its claims can be decided.
pub(super) fn options_of(lesson: &str) -> [&str; 3] {
    let needs_more = ["lesson-4", "lesson-9", "lesson-12"].contains(&lesson);
    let size = if needs_more {
        OPTIONS[1]
    } else {
        Pace::here().choose(OPTIONS[1], "1MiB")
    };
    [OPTIONS[0], size, OPTIONS[2]]
}

pub(super) fn recording_of(lesson: &'static str) -> Result<Recording> {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recording) = runs.get(lesson) {
        return Ok(recording.clone());
    }
    let recording = run(lesson, &options_of(lesson))?;
    runs.insert(lesson, recording.clone());
    Ok(recording)
}

/// A claim that is unobservable says why. In the first three lessons, with which the course begins, none
/// is.
fn claims() -> Result<Outcome> {
    let mut wrong = Vec::new();
    for lesson in LESSONS {
        let recording = recording_of(lesson)?;
        let claims = recording.0["claims"].as_array().context("no claims")?;
        ensure!(!claims.is_empty(), "{lesson} claims nothing");
        for claim in claims.iter().filter(|claim| claim["verdict"] != "holds") {
            let reason = claim["reason"].as_str().unwrap_or_default();
            let may_be = claim["verdict"] == "unobservable" && !reason.is_empty();
            if !may_be || LESSONS[..3].contains(&lesson) {
                wrong.push(format!("{lesson}: {claim}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}

/// All but what the rest of the machine does on the same device, and the ticks of a clock, which come
/// whatever is done.
const IN_NOTHING: [&str; 2] = ["block_other_bytes", "cpu_samples"];

fn null_is_zero() -> Result<Outcome> {
    for lesson in LESSONS {
        let recording = recording_of(lesson)?;
        let counts = recording.scenario("null")?["counts"]
            .as_object()
            .context("no counts")?;
        for (key, count) in counts
            .iter()
            .filter(|(key, _)| !IN_NOTHING.contains(&key.as_str()))
        {
            ensure!(
                count["value"].is_null() || count["value"] == 0,
                "{lesson}: {key} of nothing is {count}"
            );
        }
    }
    Ok(Outcome::Passed)
}

fn faults() -> Result<Outcome> {
    for lesson in LESSONS {
        let recording = recording_of(lesson)?;
        for name in recording.scenarios() {
            let (counted, wanted) = (
                recording.count(name, "faults")?,
                recording.rusage_faults(name)?,
            );
            ensure!(
                counted == wanted,
                "{lesson}, {name}: the tracer counts {counted}, getrusage {wanted}"
            );
        }
    }
    Ok(Outcome::Passed)
}

/// The numbers that the text of lesson 3 promises.
fn lesson_3(size: &str, bytes: u64) -> Result<Outcome> {
    let recording = run("lesson-3", &["--size", size])?;
    let pages = bytes / 4096;
    let mut comparison = Comparison::of(&recording);
    let mut hold = |scenario: &str, key: &str, wanted| comparison.count(scenario, key, wanted);
    for (scenario, buffer) in [
        ("read-4k", 4 << 10),
        ("read-64k", 64 << 10),
        ("read-1m", 1 << 20),
    ] {
        hold(scenario, "copied_to_user_bytes", bytes);
        hold(scenario, "copied_to_user_bytes.page_cache", bytes);
        hold(scenario, "syscalls", bytes / buffer);
        hold(scenario, "block_read_bytes", 0);
    }
    hold("o-direct", "copied_to_user_bytes", 0);
    hold("o-direct", "direct_read_bytes", bytes);
    hold("o-direct", "block_read_bytes", bytes);
    for scenario in ["mmap-load", "mmap-load-cold"] {
        hold(scenario, "copied_to_user_bytes", 0);
        hold(scenario, "syscalls", 1);
    }
    for scenario in ["write-4k", "write-64k", "write-1m", "mmap-store"] {
        let copied = if scenario == "mmap-store" { 0 } else { bytes };
        hold(scenario, "copied_from_user_bytes", copied);
        for key in ["pages_dirtied", "pages_written"] {
            hold(scenario, key, pages);
        }
        hold(scenario, "block_written_bytes", bytes);
    }
    let readahead = recording.0["machine"]["readahead_bytes"]
        .as_u64()
        .unwrap_or(0);
    for scenario in ["read-cold", "mmap-load-cold"] {
        let read = recording.count(scenario, "block_read_bytes")?;
        if !(bytes..=bytes + readahead).contains(&read) {
            comparison.fail(format!("{scenario}: {read} bytes came from the device"));
        }
    }
    comparison.end()?;
    Ok(Outcome::Passed)
}

/// Scenarios of different kinds.
const ALONE: [&str; 6] = [
    "read-4k",
    "mmap-load",
    "fread",
    "ten-reads",
    "write-64k",
    "mmap-store",
];

fn alone(
    oracle: fn(&[String], &std::path::Path) -> Result<u64>,
    counted: fn(&Recording, &str) -> Result<u64>,
) -> Result<Outcome> {
    let binary = tracer::lesson("lesson-3")?.to_string_lossy().into_owned();
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let more = |scenario: &str| -> Result<i128> {
        // Starting a program sometimes takes one fault more; the minimum of three starts is free of that.
        let of = |arguments: [&str; 5]| -> Result<u64> {
            let command = arguments.map(str::to_owned);
            let starts = (0..3).map(|_| oracle(&command, directory.path()));
            let starts = starts.collect::<Result<Vec<_>>>()?;
            starts.into_iter().min().context("no start")
        };
        // Both command lines have the same number of bytes, so both stacks begin at the same offset in a
        // page.
        let with = of([&binary, "--size", "000000002MiB", "--only", scenario])?;
        let without = of([&binary, "--size=2MiB", "--only", scenario, "--empty"])?;
        Ok(i128::from(with) - i128::from(without))
    };
    // Parsing the option runs code of its own; with an empty body nothing else differs.
    let option = more("null")?;
    // The first and the last differ most, so a VM runs these two.
    let chosen = Pace::here().choose(&ALONE[..], &[ALONE[0], ALONE[5]]);
    for scenario in chosen.iter().copied() {
        let wanted = more(scenario)? - option;
        let recording = run("lesson-3", &["--size", "2MiB", "--only", scenario])?;
        let counted = counted(&recording, scenario)?;
        ensure!(
            wanted == i128::from(counted),
            "{scenario}: the tracer counts {counted}, the other tool {wanted}; the option alone makes {option}"
        );
    }
    Ok(Outcome::Passed)
}

fn calls() -> Result<Outcome> {
    match oracle::missing("strace") {
        Some(reason) => Ok(Outcome::Skipped(reason)),
        None => alone(oracle::strace, |recording, name| {
            recording.count(name, "syscalls")
        }),
    }
}

fn perf() -> Result<Outcome> {
    match oracle::missing("perf") {
        Some(reason) => Ok(Outcome::Skipped(reason)),
        None => alone(oracle::perf, |recording, name| {
            let count = |key: &str| recording.count(name, key);
            Ok(count("faults.user")? + count("faults.kernel")? + count("faults_failed")?)
        }),
    }
}

type Counts = BTreeMap<String, u64>;

/// The counts of a run by scenario, without those of the rest of the machine on the device.
fn counts(recording: &Recording) -> Result<BTreeMap<String, Counts>> {
    let mut all = BTreeMap::new();
    for name in recording.scenarios() {
        let counts = recording.scenario(name)?["counts"].as_object();
        let counts = counts.context("no counts")?.iter();
        let own = counts.filter(|(key, _)| *key != "block_other_bytes");
        let known = own.filter_map(|(key, count)| Some((key.clone(), count["value"].as_u64()?)));
        all.insert(name.to_owned(), known.collect());
    }
    Ok(all)
}

/// The metrics that tell what a scenario had to bring into the page cache.
const BROUGHT: [&str; 2] = ["block_read_bytes", "cache_added_pages"];

/// The kernel may evict a page at any time, and some machines do so even with free memory (DAMON). A run
/// that had to read the page again has more device bytes, and one that wrote all of it again has one more
/// page added to the cache; such a run is not compared.
fn repeated() -> Result<Outcome> {
    const RUNS: usize = 20;
    let runs = (0..RUNS)
        .map(|_| counts(&run("lesson-3", &["--size", "1MiB"])?))
        .collect::<Result<Vec<_>>>()?;
    let mut wrong = Vec::new();
    for name in runs[0].keys() {
        let brought = |counts: &&Counts| BROUGHT.map(|key| counts.get(key).copied());
        let rounds: Vec<&Counts> = runs.iter().filter_map(|run| run.get(name)).collect();
        let least = rounds.iter().map(brought).min();
        let whole: Vec<_> = rounds
            .iter()
            .filter(|round| Some(brought(round)) == least)
            .collect();
        if whole.len() < RUNS - 1 {
            wrong.push(format!(
                "{name}: only {} of {RUNS} runs found the page cache unchanged",
                whole.len()
            ));
        }
        for (key, value) in *whole[0] {
            let values: Vec<_> = whole.iter().map(|round| round.get(key)).collect();
            if values.iter().any(|other| *other != Some(value)) {
                wrong.push(format!("{name}: {key} is {values:?}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}
