//! The result of `mmap-trace doctor`: `count::doctor` fills it, and `render` draws it.

use serde::Serialize;

use crate::metrics::Grade;

/// Version of the JSON form of [`Diagnosis`].
pub const FORMAT_VERSION: u32 = 2;

/// Everything that the doctor found out about a machine.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of mmap-trace.
    pub tool_version: &'static str,
    /// How many metrics can be counted.
    pub sum: CountingSum,
    /// Findings by subject.
    pub sections: Vec<Section>,
    /// Every metric and its probe.
    pub counting: CountingDiagnosis,
}

/// How much can be counted in the kernel by this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CountingSum {
    /// Every metric can be counted.
    Everything,
    /// Some metrics can be counted.
    Some,
    /// No metric can be counted.
    Nothing,
}

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// All is well.
    Ok,
    /// Good to know when reading the counts.
    Note,
    /// Some counts are missing here, or mean less.
    Warning,
    /// Nothing can be counted until this is mended.
    Problem,
}

impl Level {
    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Level::Ok => "ok",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Problem => "problem",
        }
    }
}

/// The result of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was checked.
    pub what: &'static str,
    /// How much it matters.
    pub level: Level,
    /// What was found.
    pub now: String,
    /// Why that matters.
    pub why: &'static str,
    /// The command that mends it; `null` where nothing needs mending.
    pub mend: Option<String>,
}

/// Findings about one subject.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// The subject.
    pub subject: &'static str,
    /// Its findings, in the order of the checks.
    pub findings: Vec<Finding>,
}

/// How trying to count ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// Programs were loaded and attached.
    Attached,
    /// Nothing could be attached, for this reason; the probes are those that the kernel's facts allow.
    Refused(String),
}

/// One metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricDiagnosis {
    /// Its key.
    pub metric: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The probe that counts it, or that would be tried first.
    pub probe: Option<&'static str>,
    /// How reliable its numbers are.
    pub grade: Option<Grade>,
    /// Whether the calibration counted something with it, and counted it right.
    pub is_calibrated: bool,
    /// The probes that were tried or ruled out before it.
    pub rejected: Vec<RejectedProbe>,
    /// A command with which it can be counted, if not here.
    pub mend: Option<String>,
}

/// A probe that does not count a metric here.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedProbe {
    /// The probe.
    pub probe: &'static str,
    /// What the kernel answered, or what is missing.
    pub reason: String,
}

/// Which metrics can be counted.
#[derive(Clone, Debug, Serialize)]
pub struct CountingDiagnosis {
    /// Whether programs were attached.
    pub trial: Trial,
    /// Every metric, in the order of the plan.
    pub metrics: Vec<MetricDiagnosis>,
    /// What the choice of probes depends on; with it, a test can choose probes for this kernel.
    pub facts: Option<serde_json::Value>,
}
