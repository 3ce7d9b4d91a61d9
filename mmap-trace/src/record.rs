//! The waist: everything before it fills a [`Recording`], everything after it only reads one.
//!
//! This is the JSON contract of `--output` and `--format json`. A change that an older reader would
//! misread raises [`FORMAT_VERSION`], and a Recording of another version is refused. What was not
//! counted is `null` with a reason, never 0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::metrics::Grade;

/// Version of this format: 2 since metrics, probes and cross-checks have these names.
pub const FORMAT_VERSION: u32 = 2;

/// One run of one lesson or command.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// Version of the mmap-trace that wrote it.
    pub tool_version: String,
    /// Time at which the run began: RFC 3339, UTC.
    pub started_at: String,
    /// Id of the lesson, such as `lesson-3`; `null` for `exec`.
    pub lesson: Option<String>,
    /// The command of `exec` with its arguments; `null` for a lesson.
    pub command: Option<Vec<String>>,
    /// Size of the data that the lesson was asked to work on, in bytes; `null` for `exec`.
    pub size_bytes: Option<u64>,
    /// Why the run is not complete: a crash, the time limit, Ctrl-C. `null` if it is complete.
    pub incomplete: Option<String>,
    /// The machine it ran on.
    pub machine: Machine,
    /// What was counted, by which probe.
    pub metrics: Vec<MetricRecord>,
    /// The steps of the calibration right before the run.
    pub calibration: Vec<CalibrationStep>,
    /// What is known to be missing.
    pub losses: Losses,
    /// The counts, scenario by scenario, in the order in which the lesson entered them first.
    pub scenarios: Vec<ScenarioRecord>,
    /// The lesson's claims with their verdicts, in the order of `lesson.toml`; empty for `exec`.
    pub claims: Vec<ClaimRecord>,
    /// The predictions made before the run, with their results; a skipped question has none.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub predictions: Vec<PredictionRecord>,
}

/// Recordings of several lessons, as `run all` writes them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Recordings {
    /// One per lesson, in the order in which they ran.
    pub recordings: Vec<Recording>,
}

/// The properties of a machine that counts and bounds depend on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Machine {
    /// Release of the kernel: `uname -r`.
    pub kernel: String,
    /// Architecture: `uname -m`.
    pub arch: String,
    /// Size of a base page, in bytes.
    pub page_size: u64,
    /// Number of CPUs that the tracer may run on.
    pub cpus: u32,
    /// File system of the work directory, as `/proc/self/mountinfo` names it.
    pub file_system: String,
    /// File system that holds the image in which the work directory lies; `null` if it lies in none.
    pub image_on: Option<String>,
    /// Block device of that file system as `major:minor`; `null` if it does not lie on exactly one.
    pub block_device: Option<String>,
    /// Readahead window of that device in bytes, from sysfs (`read_ahead_kb`); `null` without a device.
    pub readahead_bytes: Option<u64>,
    /// Fault-around window in bytes, measured on a warm file; `null` if it could not be measured.
    pub fault_around_bytes: Option<u64>,
    /// Size of the largest folio that this file system makes for one large write, in bytes, measured by
    /// the calibration; `null` if it could not be measured.
    pub largest_folio_bytes: Option<u64>,
    /// Name of the account that the lesson or command ran as.
    pub user: String,
    /// The instrument that counted.
    pub instrument: Instrument,
}

/// The instrument that counted a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Instrument {
    /// eBPF programs in the kernel.
    #[default]
    #[serde(rename = "eBPF")]
    Ebpf,
    /// Accounts that an ordinary user may read: getrusage(2) and `/proc/PID/io`.
    #[serde(rename = "unprivileged")]
    Unprivileged,
}

/// How one metric was measured in this run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricRecord {
    /// Key of the metric, as in [`ScenarioRecord::counts`].
    pub name: String,
    /// Whether, and how far, its numbers can be trusted.
    pub state: MetricState,
    /// How directly its numbers were measured; `null` if there are none.
    pub grade: Option<Grade>,
    /// Name of the probe that measured it; `null` if none could.
    pub probe: Option<String>,
    /// What exactly that probe counts, in one sentence.
    pub meaning: Option<String>,
    /// What is known to be missing, in the unit of the metric or in events.
    pub lost: u64,
    /// Why there is no probe, or why the probes before it were rejected.
    pub reason: Option<String>,
    /// Steps of the calibration in which this probe counted something, and counted it right.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub calibrated_by: Vec<String>,
    /// Why no calibration step confirmed it, although it is attached.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_calibrated: Option<String>,
    /// Why no independent program cross-checked it during the calibration, although one exists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_cross_checked: Option<String>,
}

/// One step of the calibration: a workload whose counts are known in advance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalibrationStep {
    /// What the workload does.
    pub name: String,
    /// Its result.
    pub state: StepResult,
    /// What was counted wrong, or why the step was not run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The result of a calibration step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepResult {
    /// Every metric counted what it must.
    Passed,
    /// Every metric counted what it must on the second attempt; on the first, one did not.
    PassedOnRetry,
    /// A metric counted something else.
    Failed,
    /// The step cannot run on this machine.
    NotRun,
}

/// What is known to be missing from a run. A number other than 0 gives the metrics that it affects the
/// state [`MetricState::Lost`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Losses {
    /// System calls and requests whose bytes no probe can tell: calls that the tracer does not know, and
    /// requests of io_uring or native AIO whose result nobody saw or whose result does not tell.
    pub uncounted_calls: u64,
    /// Bytes whose file could not be identified, because another thread closed or replaced its
    /// descriptor before the call returned, or its file system does not tell, or which O_DIRECT may have
    /// copied.
    pub unidentified_file_bytes: u64,
    /// Threads and files that found no free entry in a table.
    pub table_collisions: u64,
    /// Pages that became dirty on another file system than the work directory's, whose writeback no probe
    /// sees.
    pub unwatched_pages: u64,
    /// Runs of a kernel program that the kernel skipped, because the program was already running on that
    /// CPU (`recursion_misses` in fdinfo), and that no backup program made up for.
    pub recursion_misses: u64,
    /// Processes of a command that were still running when the command had ended. What they did from then on
    /// is not counted, so every number is a lower bound.
    pub still_running: u64,
}

/// Whether a metric can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MetricState {
    /// Attached, and the calibration counted right on this machine right before the run.
    Calibrated,
    /// Attached, but no calibration step confirms it.
    Attached,
    /// The calibration counted wrong on this machine: its numbers are not shown.
    Refuted,
    /// No probe can measure it here.
    Unavailable,
    /// Something is known to be missing from it.
    Lost,
}

/// One metric in one scenario. All rounds of a scenario do the same work, so this is the number of one
/// round. Only a sampled metric is the sum of all rounds, because one round has too few samples.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// The number of every round if they agree, else the median; of samples, the sum of all rounds.
    /// `null` if it was not counted.
    pub value: Option<u64>,
    /// The number of the smallest round, where rounds differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub min: Option<u64>,
    /// The number of the largest round, where rounds differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max: Option<u64>,
    /// Why there is no value.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Parts and divisions of the value, by the names that [`crate::metrics::Metric`] lists.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by: BTreeMap<String, u64>,
    /// What is known to be missing from it, in all rounds together.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub lost: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// Counts by the key of their metric.
pub type Counts = BTreeMap<String, Count>;

/// One scenario over all of its rounds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ScenarioRecord {
    /// Its name, as the lesson wrote it into the session page: it may hold any characters.
    pub name: String,
    /// How often it was entered and left again without being cut off.
    pub rounds: u64,
    /// The work of one round, as the lesson reports it.
    pub work: WorkRecord,
    /// Duration of a round, in nanoseconds.
    pub elapsed_ns: Spread,
    /// CPU time of a round; absent if the lesson did not report it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_time: Option<CpuTime>,
    /// Numbers that the lesson observed itself, by name.
    pub observed: BTreeMap<String, Observed>,
    /// Counts by role, where processes of several roles took part, zeros included.
    pub roles: BTreeMap<String, Counts>,
    /// Counts of all roles together.
    pub counts: Counts,
}

/// The work of one round; that of the last round if rounds differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkRecord {
    /// Bytes moved or touched.
    pub bytes: u64,
    /// Pages touched.
    pub pages: u64,
    /// Calls, messages or passes.
    pub operations: u64,
}

/// The smallest, median and largest of several rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spread {
    /// Smallest.
    pub min: u64,
    /// Median; the lower one of two.
    pub median: u64,
    /// Largest.
    pub max: u64,
}

/// CPU time of rounds in user and kernel mode, with the children they waited for: getrusage(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTime {
    /// Lower end of the interval that contains the median with 95 % confidence, in µs.
    pub low_us: u64,
    /// Median in µs; the lower one of two.
    pub median_us: u64,
    /// Upper end of that interval, in µs.
    pub high_us: u64,
    /// `CLOCK_MONOTONIC` at the beginning of the first round, in ns.
    pub first_begin_ns: u64,
    /// `CLOCK_MONOTONIC` at the end of the last round, in ns. Scenarios whose spans overlap alternated.
    pub last_end_ns: u64,
}

/// An observation: one value, or several by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The value without a name of its own.
    pub value: Option<i64>,
    /// Values by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub by: BTreeMap<String, i64>,
}

/// A claim: a sentence of the lesson, with its verdict.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// Its id in `lesson.toml`.
    pub id: String,
    /// The sentence.
    pub text: String,
    /// Numbers of the claims of the mmap notes that it settles.
    pub settles: Vec<u32>,
    /// What the verdict rests on.
    pub basis: Basis,
    /// Section of the lesson that explains it.
    pub section: String,
    /// The verdict.
    pub verdict: Verdict,
    /// What was expected, in the check that decided.
    pub expected: Option<String>,
    /// What that check observed.
    pub observed: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
    /// Every check: one expectation about one scenario.
    pub checks: Vec<CheckRecord>,
}

/// A prediction, beside what the run shows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PredictionRecord {
    /// Its id in `lesson.toml`.
    pub id: String,
    /// The question.
    pub question: String,
    /// Section of the lesson that explains it.
    pub section: String,
    /// The answer given.
    pub predicted: String,
    /// When it was given, before the run: RFC 3339, UTC.
    pub predicted_at: String,
    /// Whether it was right.
    pub result: PredictionResult,
    /// What the run shows.
    pub answer: Option<String>,
    /// What the lesson says about this answer.
    pub sentence: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
}

/// The result of a prediction. It changes no exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PredictionResult {
    /// The run shows what was predicted.
    Right,
    /// The run shows something else.
    Wrong,
    /// This machine or this run cannot decide it.
    Unobservable,
}

/// One expectation about one scenario.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckRecord {
    /// The scenario.
    pub scenario: String,
    /// The expectation as `lesson.toml` has it.
    pub expect: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The relation and the value of the right-hand side.
    pub expected: Option<String>,
    /// The value of the left-hand side.
    pub observed: Option<String>,
    /// Why it is unobservable.
    pub reason: Option<String>,
}

/// What a verdict rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Kernel events.
    Counted,
    /// Numbers that the lesson observed.
    Observed,
    /// CPU times of scenarios whose rounds alternate.
    Timed,
    /// A published source.
    Source,
}

/// The verdict on a claim. There is no fourth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The counts agree with the sentence.
    Holds,
    /// The counts contradict the sentence.
    Fails,
    /// This machine or this run cannot decide it.
    Unobservable,
}
