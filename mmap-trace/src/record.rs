//! The waist: everything before fills a [`Recording`], everything after only reads it.
//!
//! It is the JSON contract of `--output` and `--format json`. A change that an old reader would
//! misread raises [`FORMAT_VERSION`]. What was not counted is `null` with a reason, never 0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::Grade;

/// Version of this format.
pub const FORMAT_VERSION: u32 = 2;

/// One run of one lesson or command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of mmap-trace that wrote it.
    pub tool_version: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Id of the lesson; `null` for `exec`.
    pub lesson: Option<String>,
    /// The command of `exec`; `null` for a lesson.
    pub command: Option<Vec<String>>,
    /// Data size that the lesson was asked for, in bytes; `null` for `exec`.
    pub size_bytes: Option<u64>,
    /// Why the run is not complete: crash, time limit, Ctrl-C. `null` if it is.
    pub incomplete: Option<String>,
    /// Where it ran.
    pub machine: Machine,
    /// What was counted, by which probe.
    pub metrics: Vec<MetricRecord>,
    /// What a known workload showed about these counts right before the run.
    pub calibration: Vec<CalibrationStep>,
    /// What is known to be missing.
    pub losses: Losses,
    /// What happened, scenario by scenario, in the order in which they were entered.
    pub scenarios: Vec<ScenarioRecord>,
    /// The lesson's sentences and what became of them.
    pub claims: Vec<ClaimRecord>,
    /// What was predicted before the run, and what became of it; skipped questions are not here.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub predictions: Vec<PredictionRecord>,
}

/// Recordings of several lessons: what `run all` writes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recordings {
    /// In the order in which they were run.
    pub recordings: Vec<Recording>,
}

/// The machine, as far as counts and bounds depend on it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// `uname -r`.
    pub kernel: String,
    /// `uname -m`.
    pub arch: String,
    /// Bytes of a base page.
    pub page_size: u64,
    /// CPUs that are online.
    pub cpus: u32,
    /// File system of the work directory.
    pub file_system: String,
    /// Its block device as `major:minor`; `null` if it has none.
    pub block_device: Option<String>,
    /// Readahead window of that device in bytes, from sysfs.
    pub readahead_bytes: Option<u64>,
    /// Fault-around window in bytes, measured on a warm file; `null` if it could not be.
    pub fault_around_bytes: Option<u64>,
    /// Bytes of the largest folio that this file system makes for one large write, measured; `null`
    /// if it could not be.
    pub largest_folio_bytes: Option<u64>,
    /// Account that the lesson or command ran as.
    pub user: String,
    /// What counted.
    pub instrument: Instrument,
}

/// What counted in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Instrument {
    /// Programs in the kernel.
    #[default]
    #[serde(rename = "eBPF")]
    Ebpf,
    /// What an ordinary account may read: getrusage and /proc/PID/io.
    #[serde(rename = "unprivileged")]
    Unprivileged,
}

/// What is known about one metric in this run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricRecord {
    /// Its key, as in `counts`.
    pub name: String,
    /// Whether and how far its numbers can be trusted.
    pub state: MetricState,
    /// What its numbers are worth; `null` if there are none.
    pub grade: Option<Grade>,
    /// The probe that won it.
    pub probe: Option<String>,
    /// What exactly that probe counts.
    pub meaning: Option<String>,
    /// Events or bytes known to be missing.
    pub lost: u64,
    /// Why there is no way, or why other ways were not taken.
    pub reason: Option<String>,
    /// Steps of the calibration that counted something by this way, and counted it right.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub calibrated_by: Vec<String>,
    /// Why it is attached and not verified.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_calibrated: Option<String>,
    /// Why no independent program counted the same during the calibration, where one could have.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_cross_checked: Option<String>,
}

/// One step of the calibration: a workload of which is known what it must count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationStep {
    /// What it does.
    pub name: String,
    /// What became of it.
    pub state: StepResult,
    /// What was wrong, or why it was not done.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// What became of a step of the calibration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// Everything was counted as it must be.
    Passed,
    /// The same, when it was tried again: the first time something was not.
    PassedOnRetry,
    /// Something was not.
    Failed,
    /// It could not be tried here.
    NotRun,
}

/// What is known to be missing from a run; anything but 0 makes the metrics that it touches `lost`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// Calls whose bytes no way can tell: io_uring, native AIO, 32-bit calls.
    pub uncounted_calls: u64,
    /// Bytes of a file that was closed before the call returned, or of O_DIRECT that may have copied.
    pub unclassified_bytes: u64,
    /// Threads or inodes that had to share an entry of a table, or found none.
    pub attribution_collisions: u64,
    /// Runs of a kernel program that were skipped because it was running already on that CPU, and that no
    /// second program made up for.
    pub recursion_misses: u64,
}

/// State of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricState {
    /// A known workload was counted right on this machine before the run.
    Calibrated,
    /// Attached, not verified.
    Attached,
    /// A known workload was counted wrong on this machine before the run: its numbers are not shown.
    Refuted,
    /// Nothing counts it here.
    Unavailable,
    /// Something was lost.
    Lost,
}

/// Numbers per round: all rounds did the same work. What is sampled is the sum of all rounds instead,
/// because one round has too few ticks to say anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The number of one round: of every round if they agree, else the median; of samples the sum of all
    /// rounds. `null`: not counted.
    pub value: Option<u64>,
    /// Smallest round, where rounds differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<u64>,
    /// Largest round, where rounds differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<u64>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Parts and divisions of the value.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by: BTreeMap<String, u64>,
    /// Known to be missing from it, in all rounds.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub lost: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Counts by metric key.
pub type Counts = BTreeMap<String, Count>;

/// One scenario, all rounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Its name.
    pub name: String,
    /// How often it was entered and left by itself.
    pub rounds: u64,
    /// Work of one round, as the lesson reports it.
    pub work: WorkRecord,
    /// Duration of a round.
    pub elapsed_ns: Spread,
    /// CPU time of a round; absent if nobody accounted for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_time: Option<CpuTime>,
    /// Integers that are not kernel events.
    pub observed: BTreeMap<String, Observed>,
    /// Counts of one role, where processes of several took part; also where they are all zeros.
    pub roles: BTreeMap<String, Counts>,
    /// Counts of all roles together.
    pub counts: Counts,
}

/// Work of one round; the last round's if they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkRecord {
    /// Bytes moved or touched.
    pub bytes: u64,
    /// Pages touched.
    pub pages: u64,
    /// Calls, messages or passes.
    pub operations: u64,
}

/// Smallest, median and largest of the rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Smallest.
    pub min: u64,
    /// Median; the lower one of two.
    pub median: u64,
    /// Largest.
    pub max: u64,
}

/// CPU time of rounds, in user and kernel mode, with the children they joined: `getrusage(2)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTime {
    /// Lower end of an interval that holds the median with 95 % confidence, in µs.
    pub low_us: u64,
    /// Median; the lower one of two.
    pub median_us: u64,
    /// Upper end.
    pub high_us: u64,
    /// `CLOCK_MONOTONIC` at the beginning of the first round, in ns.
    pub first_begin_ns: u64,
    /// The same at the end of the last one: what lies between may have alternated with other scenarios.
    pub last_end_ns: u64,
}

/// An observation: one value, or several by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The value that has no name of its own.
    pub value: Option<i64>,
    /// Values by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by: BTreeMap<String, i64>,
}

/// A sentence of the lesson and its verdict.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Its id in `lesson.toml`.
    pub id: String,
    /// The sentence.
    pub text: String,
    /// Claims of the notes that it settles.
    pub settles: Vec<u32>,
    /// What it rests on.
    pub basis: Basis,
    /// Section of the lesson that explains it.
    pub section: String,
    /// What became of it.
    pub verdict: Verdict,
    /// What was expected, by the check that decided.
    pub expected: Option<String>,
    /// What was observed there.
    pub observed: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
    /// Every check, one scenario and one expectation each.
    pub checks: Vec<CheckRecord>,
}

/// What somebody predicted, beside what the run gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// Its id in `lesson.toml`.
    pub id: String,
    /// What was asked.
    pub question: String,
    /// Section of the lesson that explains it.
    pub section: String,
    /// What was answered.
    pub predicted: String,
    /// When, RFC 3339, UTC: before the run.
    pub predicted_at: String,
    /// What became of it.
    pub result: PredictionResult,
    /// What the run gave.
    pub answer: Option<String>,
    /// What the lesson says to this answer.
    pub sentence: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
}

/// What became of a prediction. It changes no exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PredictionResult {
    /// As predicted.
    Right,
    /// Not as predicted.
    Wrong,
    /// This machine or this run cannot tell.
    Unobservable,
}

/// One expectation on one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The scenario.
    pub scenario: String,
    /// The expectation as `lesson.toml` has it.
    pub expect: String,
    /// What became of it.
    pub verdict: Verdict,
    /// The right-hand side with its value.
    pub expected: Option<String>,
    /// The left-hand side with its value.
    pub observed: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
}

/// What a claim rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Kernel events.
    Counted,
    /// Integers that the lesson observed.
    Observed,
    /// CPU times of scenarios whose rounds alternate.
    Timed,
    /// A published source.
    Source,
}

/// What became of a claim. There is nothing between.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As the sentence says.
    Holds,
    /// Not as the sentence says.
    Fails,
    /// This machine or this run cannot tell.
    Unobservable,
}
