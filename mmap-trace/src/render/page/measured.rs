//! How the numbers were measured: metrics, calibration, machine and losses.

use crate::{
    metrics::Grade,
    record::{CalibrationStep, MetricRecord, MetricState, Recording, StepResult},
    render::{header, legend},
};

/// One metric of the run.
#[derive(Debug)]
pub(super) struct MetricView {
    pub(super) label: String,
    pub(super) key: String,
    pub(super) state: &'static str,
    pub(super) grade: &'static str,
    pub(super) probe: String,
    pub(super) meaning: String,
    /// Everything that limits its numbers.
    pub(super) limits: Vec<String>,
}

pub(super) fn metrics(recording: &Recording) -> Vec<MetricView> {
    recording.metrics.iter().map(metric).collect()
}

fn metric(metric: &MetricRecord) -> MetricView {
    let limits = [
        metric.reason.clone(),
        metric
            .not_calibrated
            .as_ref()
            .map(|it| format!("not calibrated: {it}")),
        metric
            .not_cross_checked
            .as_ref()
            .map(|it| format!("not cross-checked: {it}")),
        (metric.lost > 0).then(|| format!("lost: {}", metric.lost)),
    ];
    MetricView {
        label: legend::label(&metric.name).to_owned(),
        key: metric.name.clone(),
        state: match metric.state {
            MetricState::Calibrated => "calibrated",
            MetricState::Attached => "attached",
            MetricState::Refuted => "refuted",
            MetricState::Unavailable => "unavailable",
            MetricState::Lost => "lost",
        },
        grade: metric.grade.map_or("–", Grade::name),
        probe: metric.probe.clone().unwrap_or_else(|| "–".to_owned()),
        meaning: metric.meaning.clone().unwrap_or_default(),
        limits: limits.into_iter().flatten().collect(),
    }
}

/// The calibration steps, each with its result.
pub(super) fn steps(recording: &Recording) -> Vec<(String, String)> {
    recording.calibration.iter().map(step).collect()
}

fn step(step: &CalibrationStep) -> (String, String) {
    let result = match step.state {
        StepResult::Passed => "passed",
        StepResult::PassedOnRetry => "passed on the second attempt",
        StepResult::Failed => "failed",
        StepResult::NotRun => "not run",
    };
    let reason = step
        .reason
        .as_ref()
        .map_or(String::new(), |it| format!(": {it}"));
    (step.name.clone(), format!("{result}{reason}"))
}

/// The machine and the losses, as names with values.
pub(super) fn machine(recording: &Recording) -> Vec<(&'static str, String)> {
    let machine = &recording.machine;
    let device = machine
        .block_device
        .as_deref()
        .unwrap_or("no single block device");
    let image = machine
        .image_on
        .as_ref()
        .map_or(String::new(), |it| format!(", in an image on {it}"));
    vec![
        ("kernel", format!("{} {}", machine.kernel, machine.arch)),
        ("page", header::size(machine.page_size)),
        (
            "file system",
            format!("{}{image}, device {device}", machine.file_system),
        ),
        ("windows", header::windows(machine)),
        ("run as", machine.user.clone()),
        ("lost", header::lost(recording)),
        ("mmap-trace", recording.tool_version.clone()),
    ]
}
