//! The legend below the tables: how each number was measured, what the signs mean, and why some are missing.

use std::collections::BTreeMap;

use super::{
    Detail, cell,
    sheet::{Sheet, Tone},
};
use crate::text::number::thousands;
use crate::{
    metrics::{Grade, Metric},
    record::{CalibrationStep, Count, MetricRecord, MetricState, Recording, StepResult},
};

/// Faults are divided in several independent dimensions.
const FAULT_PARTS: &str = "user + kernel + populate are all of them, and so are minor + major; \
    read + write are user + kernel; cow and mkwrite are among write";

/// Writes the legend.
pub(super) fn write(sheet: &mut Sheet, recording: &Recording, detail: Detail) {
    if recording.scenarios.is_empty() {
        return;
    }
    sheet.blank();
    sheet.line(Tone::Strong, "How each number was measured");
    for (heading, labels) in probes(&recording.metrics) {
        sheet.listed(Tone::Faint, &heading, &labels.join(", "));
    }
    if let Some(calibrated) = calibrated(&recording.metrics) {
        sheet.listed(Tone::Faint, "calibrated before the run", &calibrated);
    }
    for (reason, labels) in by_reason(&recording.metrics, |it| it.not_calibrated.as_deref()) {
        let heading = format!("not calibrated: {}", labels.join(", "));
        sheet.listed(Tone::Faint, &heading, reason);
    }
    if detail == Detail::All {
        for (reason, labels) in by_reason(&recording.metrics, |it| it.not_cross_checked.as_deref())
        {
            let heading = format!("not cross-checked: {}", labels.join(", "));
            sheet.listed(Tone::Faint, &heading, reason);
        }
    }
    if has_fault_parts(recording) {
        sheet.listed(Tone::Faint, "parts of page faults", FAULT_PARTS);
    }
    if recording.command.is_none() && detail == Detail::All {
        let zero = zero_everywhere(recording);
        if !zero.is_empty() {
            sheet.listed(Tone::Faint, "0 in every scenario", &zero.join(", "));
        }
    }
    signs(sheet, recording);
    let not_counted = not_counted(recording);
    if !not_counted.is_empty() {
        sheet.blank();
        sheet.line(Tone::Strong, "n/a: not counted");
        for (reason, labels) in not_counted {
            sheet.listed(Tone::Faint, &labels.join(", "), reason);
        }
    }
    if detail == Detail::All {
        calibration(sheet, &recording.calibration);
    }
}

pub(super) fn label(key: &str) -> &str {
    match Metric::by_key(key) {
        Some(metric) => metric.label(),
        None => key,
    }
}

/// Metrics by grade and probe, in the order of the metrics.
fn probes(metrics: &[MetricRecord]) -> Groups<String, &str> {
    let mut groups = Groups::new();
    for metric in metrics.iter().filter(|metric| has_numbers(metric)) {
        let grade = metric.grade.map_or("of unknown grade", Grade::name);
        let probe = metric.probe.as_deref().unwrap_or("an unknown probe");
        add(
            &mut groups,
            format!("{grade} by {probe}"),
            label(&metric.name),
        );
    }
    groups
}

/// Values by key, in the order in which the keys were added.
type Groups<K, V> = Vec<(K, Vec<V>)>;

fn add<K: PartialEq, V>(groups: &mut Groups<K, V>, key: K, value: V) {
    match groups.iter_mut().find(|(known, _)| *known == key) {
        Some((_, values)) => values.push(value),
        None => groups.push((key, vec![value])),
    }
}

/// Which metrics the calibration has confirmed; `None` if it confirmed none.
fn calibrated(metrics: &[MetricRecord]) -> Option<String> {
    let of = |is_calibrated: bool| -> Vec<&str> {
        metrics
            .iter()
            .filter(|metric| has_numbers(metric))
            .filter(|metric| (metric.state == MetricState::Calibrated) == is_calibrated)
            .map(|metric| label(&metric.name))
            .collect()
    };
    let (calibrated, others) = (of(true), of(false));
    match (calibrated.len(), others.len()) {
        (0, _) => None,
        (_, 0) => Some("everything".to_owned()),
        (some, few) if few < some => Some(format!("everything except {}", others.join(", "))),
        _ => Some(calibrated.join(", ")),
    }
}

/// Metrics with numbers, grouped by a reason.
fn by_reason(
    metrics: &[MetricRecord],
    reason: fn(&MetricRecord) -> Option<&str>,
) -> Groups<&str, &str> {
    let mut groups = Groups::new();
    for metric in metrics.iter().filter(|metric| has_numbers(metric)) {
        if let Some(reason) = reason(metric) {
            add(&mut groups, reason, label(&metric.name));
        }
    }
    groups
}

fn has_numbers(metric: &MetricRecord) -> bool {
    !matches!(
        metric.state,
        MetricState::Unavailable | MetricState::Refuted
    )
}

/// The steps of the calibration: how many passed, and why others did not.
fn calibration(sheet: &mut Sheet, steps: &[CalibrationStep]) {
    if steps.is_empty() {
        return;
    }
    let passed = steps.iter().filter(|step| step.state == StepResult::Passed);
    sheet.blank();
    sheet.line(Tone::Strong, "Calibration before the run");
    let names: Vec<&str> = passed.map(|step| step.name.as_str()).collect();
    let heading = format!("{} of {} steps passed", names.len(), steps.len());
    sheet.listed(Tone::Faint, &heading, &names.join("; "));
    for step in steps.iter().filter(|step| step.state != StepResult::Passed) {
        let (tone, heading) = match step.state {
            StepResult::NotRun => (Tone::Faint, format!("{} was not run", step.name)),
            StepResult::PassedOnRetry => (
                Tone::Doubtful,
                format!("{} passed on the second attempt", step.name),
            ),
            _ => (Tone::Bad, format!("{} failed", step.name)),
        };
        sheet.listed(tone, &heading, step.reason.as_deref().unwrap_or_default());
    }
}

fn has_fault_parts(recording: &Recording) -> bool {
    let counts = recording
        .scenarios
        .iter()
        .filter_map(|it| it.counts.get(Metric::Faults.key()));
    counts
        .flat_map(|count| count.by.values())
        .any(|&part| part > 0)
}

fn zero_everywhere(recording: &Recording) -> Vec<&'static str> {
    let is_zero = |metric: &Metric| {
        recording.scenarios.iter().all(|scenario| {
            scenario
                .counts
                .get(metric.key())
                .is_some_and(|count| count.value.is_some() && !cell::is_something(count))
        })
    };
    Metric::ALL
        .iter()
        .filter(|metric| is_zero(metric))
        .map(|metric| metric.label())
        .collect()
}

/// Explains the signs before numbers, if there are any.
fn signs(sheet: &mut Sheet, recording: &Recording) {
    let counts = || {
        recording.scenarios.iter().flat_map(|scenario| {
            Metric::ALL.iter().filter_map(move |metric| {
                let count = scenario.counts.get(metric.key())?;
                count.value?;
                Some((scenario.name.as_str(), metric.label(), count))
            })
        })
    };
    let lost: Vec<String> = counts()
        .filter(|(_, _, count)| count.lost > 0)
        .map(|(name, label, count)| format!("{name} {label} {}", thousands(count.lost)))
        .collect();
    let differ: Vec<String> = counts()
        .filter_map(|(name, label, count)| Some(format!("{name} {label} {}", range(count)?)))
        .collect();
    let unfinished: Vec<&str> = recording
        .scenarios
        .iter()
        .filter(|scenario| scenario.rounds == 0)
        .map(|scenario| scenario.name.as_str())
        .collect();
    if !lost.is_empty() {
        let heading = format!("{} something is missing here", cell::LOST);
        sheet.listed(Tone::Doubtful, &heading, &lost.join("; "));
    }
    if !differ.is_empty() {
        let heading = format!("{} median of rounds that differ", cell::ROUNDS_DIFFER);
        sheet.listed(Tone::Doubtful, &heading, &differ.join("; "));
    }
    if !unfinished.is_empty() {
        sheet.listed(Tone::Doubtful, "not finished", &unfinished.join(", "));
    }
}

fn range(count: &Count) -> Option<String> {
    let value = count.value?;
    let (min, max) = (count.min, count.max);
    (min.is_some() || max.is_some()).then(|| {
        format!(
            "{}..{}",
            thousands(min.unwrap_or(value)),
            thousands(max.unwrap_or(value))
        )
    })
}

/// Labels, grouped by the reason why there is no number; with the scenarios if others have one.
fn not_counted(recording: &Recording) -> Groups<&str, String> {
    let mut reasons = Groups::new();
    for metric in Metric::ALL {
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for scenario in &recording.scenarios {
            let Some(count) = scenario.counts.get(metric.key()) else {
                continue;
            };
            if count.value.is_none() {
                let reason = count.reason.as_deref().unwrap_or("no reason is known");
                by_reason.entry(reason).or_default().push(&scenario.name);
            }
        }
        for (reason, scenarios) in by_reason {
            let label = if scenarios.len() == recording.scenarios.len() {
                metric.label().to_owned()
            } else {
                format!("{} in {}", metric.label(), scenarios.join(" and "))
            };
            add(&mut reasons, reason, label);
        }
    }
    reasons
}
