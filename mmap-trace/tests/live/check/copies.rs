//! Copied bytes on every path, exact for workloads of random sizes, as scenarios and as commands.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail, ensure};

use super::{comparison::Comparison, hold_expectations, metric_of, play, refusal};
use crate::{
    harness::{Outcome, Pace, Test},
    random::Random,
    tracer::{self, Recording},
    workload::{self, Expected},
};

pub(super) const TESTS: &[Test] = &[
    (
        "copied bytes are exact on every path of every call in a scenario",
        told_by_calls,
    ),
    (
        "copied bytes are exact for every request of io_uring and native AIO in a scenario",
        told_by_events,
    ),
    (
        "copied bytes from fexit equal those from system calls, or the recording says why the kernel refuses fexit",
        told_by_functions,
    ),
    (
        "bytes that no probe can see are declared lost in the scenario that hid them and in no other",
        hidden,
    ),
    (
        "the bytes of an io_uring polled by a kernel thread are exact, though nobody makes a call",
        polled,
    ),
    ("bytes of calls that hide them are declared lost", losses),
    (
        "every system call of the running kernel has a class",
        every_call_has_a_class,
    ),
    (
        "two tracers at the same time do not count each other's programs",
        two_at_once,
    ),
];

pub(super) const COMMANDS: &[Test] = &[
    (
        "copied bytes are exact on every path of every call and request in a command",
        hold_all,
    ),
    (
        "sendfile, splice, copy_file_range and O_DIRECT copy nothing in the sender",
        senders_copy_nothing,
    ),
];

fn told_by_calls() -> Result<Outcome> {
    hold_each("bytes", workload::copying())
}

fn told_by_events() -> Result<Outcome> {
    hold_each("bytes-by-requests", workload::requesting())
}

fn hold_each(name: &str, workloads: impl Iterator<Item = &'static str>) -> Result<Outcome> {
    let recording = play(name, &[])?.expect()?;
    let held = hold_expectations(&recording).context(seed(&recording))?;
    let wanted = workloads.count() * Expected::keys().len();
    ensure!(held == wanted, "{held} of {wanted} numbers were compared");
    Ok(Outcome::Passed)
}

/// The seed of the workloads in a recording, for messages.
fn seed(recording: &Recording) -> String {
    let first = recording.scenarios().into_iter().next();
    let seed = first.and_then(|first| recording.observed(first, "seed").ok());
    format!("seed {seed:?}")
}

/// A part that only fexit counts, and the parts counted by system calls that it covers.
const TOGETHER: (&str, [&str; 2]) = (
    "copied_from_user_bytes.file",
    [
        "copied_from_user_bytes.page_cache",
        "copied_from_user_bytes.tmpfs",
    ],
);

/// vmsplice(2) copies out of a pipe by itself (`vmsplice_to_user`, fs/splice.c), not by `pipe_read`.
const NOT_BY_FUNCTIONS: (&str, &str) = ("vmsplice", "copied_to_user_bytes.pipe");

fn told_by_functions() -> Result<Outcome> {
    let recording = play("bytes", &["--force-probe", "copies=fexit"])?.expect()?;
    if let Some(reason) = refusal(&recording, "copied_to_user_bytes")? {
        ensure!(reason.contains("the kernel refuses"), "{reason}");
        return Ok(Outcome::Passed);
    }
    let mut comparison = Comparison::of(&recording);
    let (file, covered) = TOGETHER;
    for name in workload::copying() {
        let expected = &recording.scenario(name)?["observed"]["expect"]["by"];
        let wanted = |key: &str| expected[key].as_u64().context("no expectation");
        for key in Expected::keys() {
            if !covered.contains(&key.as_str()) && (name, &*key) != NOT_BY_FUNCTIONS {
                comparison.count(name, &key, wanted(&key)?);
            }
        }
        comparison.count(name, file, wanted(covered[0])? + wanted(covered[1])?);
    }
    comparison.end().context(seed(&recording))?;
    Ok(Outcome::Passed)
}

/// What one command did according to itself and according to the tracer.
struct Traced {
    reported: Expected,
    recording: Recording,
}

impl Traced {
    /// Runs a workload; with `empty`, the same program without its work.
    fn run(name: &str, seed: u64, empty: bool) -> Result<Self> {
        let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
        let shown = directory.path().to_string_lossy();
        let command = workload::command_line(name, seed, &shown, empty)?;
        let recording = tracer::exec(&[], &command)?.expect()?;
        Ok(Traced {
            reported: report(directory.path())?,
            recording,
        })
    }
}

fn report(directory: &Path) -> Result<Expected> {
    let text = fs::read_to_string(directory.join("report")).context("the workload's report")?;
    Expected::from_json(&text)
}

/// Compares the work with the difference to a run without it, because the loader and the runtime read
/// files too.
fn differences(name: &str, seed: u64, wrong: &mut Vec<String>) -> Result<Expected> {
    let control = Traced::run(name, seed, true)?;
    let traced = Traced::run(name, seed, false)?;
    for key in Expected::keys() {
        let with = traced.recording.count("exec", &key)?;
        let without = control.recording.count("exec", &key)?;
        let wanted = traced.reported.get(&key);
        if with.wrapping_sub(without) != wanted {
            let counted = i128::from(with) - i128::from(without);
            wrong.push(format!(
                "{name}, seed {seed}: {key} is {counted}, not {wanted}"
            ));
        }
    }
    let keys = Expected::keys();
    let is_compared = |metric: &str| keys.iter().any(|key| metric_of(key) == metric);
    let lost = traced.recording.losses_of("exec", is_compared)?;
    if lost != 0 {
        wrong.push(format!("{name}, seed {seed}: {lost} lost"));
    }
    Ok(traced.reported)
}

fn hold_all() -> Result<Outcome> {
    let mut wrong = Vec::new();
    for name in workload::copying().chain(workload::requesting()) {
        differences(name, Random::fresh_seed(), &mut wrong)?;
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}

/// These workloads create files and receive on the other side; the sender itself must copy nothing.
fn senders_copy_nothing() -> Result<Outcome> {
    let mut wrong = Vec::new();
    let seed = Random::fresh_seed();
    for name in [
        "sendfile-tcp",
        "sendfile-tmpfs-tcp",
        "sendfile-file",
        "splice-tcp",
        "copy-file-range",
        "o-direct",
    ] {
        let reported = differences(name, seed, &mut wrong)?;
        let moved = workload::UNCOPIED
            .iter()
            .map(|key| reported.get(key))
            .sum::<u64>();
        let sent = reported.get("copied_from_user_bytes.socket");
        if moved == 0 || sent != 0 {
            bail!("{name} is no such workload: {moved} moved, {sent} sent");
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}

/// Rings, native AIO, and descriptors that were closed or replaced: one loss for each call or each byte.
fn hidden() -> Result<Outcome> {
    let recording = play("hidden", &[])?.expect()?;
    let mut comparison = Comparison::of(&recording);
    for name in recording.scenarios() {
        let scenario = recording.scenario(name)?;
        let missing = scenario["observed"]["missing"]["by"].as_object();
        for (key, wanted) in missing.context("nothing is said to be missing")? {
            let lost = &scenario["counts"][key]["lost"];
            if lost.as_u64().unwrap_or(0) != wanted.as_u64().context("a negative number")? {
                comparison.fail(format!("{name}: {lost} of {key} is lost, not {wanted}"));
            }
        }
        let expected = scenario["observed"]["expect"]["by"].as_object();
        for (key, wanted) in expected.into_iter().flatten() {
            comparison.count(name, key, wanted.as_u64().context("a negative number")?);
        }
        comparison.count(name, "faults", recording.rusage_faults(name)?);
    }
    comparison.end()?;
    Ok(Outcome::Passed)
}

/// The ring is created before the scenario, and the scenario makes no system call.
fn polled() -> Result<Outcome> {
    hold_expectations(&play("polled", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

/// The lengths of truncated messages do not tell what one call copied of each.
fn losses() -> Result<Outcome> {
    let recording = Traced::run("calls-that-hide-bytes", 1, false)?.recording;
    let copied = &recording.scenario("exec")?["counts"]["copied_from_user_bytes"];
    ensure!(
        copied["lost"].as_u64().unwrap_or(0) > 0,
        "no loss in {copied}"
    );
    let metrics = recording.0["metrics"].as_array().context("no metrics")?;
    let metric = metrics
        .iter()
        .find(|metric| metric["name"] == "copied_from_user_bytes");
    let metric = metric.context("no such metric")?;
    ensure!(metric["state"] == "lost" && metric["lost"] != 0, "{metric}");
    Ok(Outcome::Passed)
}

/// The kernel names its functions to everybody.
fn every_call_has_a_class() -> Result<Outcome> {
    let symbols = fs::read_to_string("/proc/kallsyms").context("/proc/kallsyms")?;
    ensure!(symbols.contains("_sys_read\n"), "no system call is named");
    let missing = mmap_trace::count::kernel::calls::without_class(&symbols);
    ensure!(
        missing.is_empty(),
        "without a class (mmap-trace/src/count/kernel/calls.rs): {}",
        missing.join(" ")
    );
    Ok(Outcome::Passed)
}

fn two_at_once() -> Result<Outcome> {
    const NAMES: &[&str] = &["tcp", "ext4", "pipe", "tcp"];
    let seed = Random::fresh_seed();
    let names = Pace::here().choose(NAMES, &NAMES[..2]);
    let traced = std::thread::scope(|scope| {
        let runs: Vec<_> = names
            .iter()
            .zip(seed..)
            .map(|(name, seed)| {
                scope.spawn(move || {
                    let mut wrong = Vec::new();
                    differences(name, seed, &mut wrong).map(|_| wrong)
                })
            })
            .collect();
        runs.into_iter()
            .map(|run| run.join().unwrap_or_else(|_| bail!("a thread panicked")))
            .collect::<Result<Vec<_>>>()
    })?;
    let wrong = traced.concat();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}
