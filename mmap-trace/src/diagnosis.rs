//! What `mmap-trace doctor` found out about a machine: the data between the checks that look at it and
//! the renderers.

use serde::Serialize;

use crate::metrics::Grade;

/// Version of the JSON form of [`Diagnosis`].
pub const FORMAT_VERSION: u32 = 1;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of mmap-trace.
    pub tool_version: &'static str,
    /// What the metrics add up to.
    pub sum: CountingSum,
    /// Findings by subject.
    pub sections: Vec<Section>,
    /// Every metric with its probes.
    pub counting: CountingDiagnosis,
}

/// How much can be counted in the kernel by this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CountingSum {
    /// Every metric.
    Everything,
    /// Some metrics not.
    Some,
    /// None.
    Nothing,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Good to know beside the numbers.
    Note,
    /// Some counts mean less here, or are missing.
    Warning,
    /// Nothing can be counted while it is so.
    Problem,
}

impl Level {
    /// Its name in outputs.
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

/// What came of one check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub what: &'static str,
    /// How much it matters.
    pub level: Level,
    /// How it is.
    pub now: String,
    /// Why it matters.
    pub why: &'static str,
    /// The command that mends it; `null` where nothing needs mending.
    pub mend: Option<String>,
}

/// Findings about one subject.
#[derive(Clone, Debug, Serialize)]
pub struct Section {
    /// The subject.
    pub subject: &'static str,
    /// Its findings, in the order of the table.
    pub findings: Vec<Finding>,
}

/// How far counting was tried.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// Programs were loaded and attached.
    Attached,
    /// Nothing could be, for this reason; ways are those that the kernel's facts leave.
    Refused(String),
}

/// One metric.
#[derive(Clone, Debug, Serialize)]
pub struct MetricDiagnosis {
    /// Its key.
    pub metric: &'static str,
    /// How much it matters.
    pub level: Level,
    /// The probe that counts it, or would be tried first.
    pub probe: Option<&'static str>,
    /// What its numbers are worth.
    pub grade: Option<Grade>,
    /// Whether the calibration counted something by it, and counted it right.
    pub is_verified: bool,
    /// Why ways before it, or all, do not count it.
    pub rejected: Vec<RejectedProbe>,
    /// Where it can be counted, if not here.
    pub mend: Option<String>,
}

/// A probe that does not count a metric here.
#[derive(Clone, Debug, Serialize)]
pub struct RejectedProbe {
    /// The probe.
    pub probe: &'static str,
    /// The kernel's answer, or what is missing.
    pub reason: String,
}

/// What can be counted.
#[derive(Clone, Debug, Serialize)]
pub struct CountingDiagnosis {
    /// Whether programs were attached.
    pub trial: Trial,
    /// Every metric, in the order of the plan.
    pub metrics: Vec<MetricDiagnosis>,
    /// What decides between probes: with it this kernel can be tried in a test.
    pub facts: Option<serde_json::Value>,
}
