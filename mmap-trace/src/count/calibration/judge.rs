//! Judges each metric by what the calibration counted. It does no I/O.

use std::collections::BTreeMap;

use mmap_trace_ebpf::counters::Counter;

use super::{
    bench::LARGE_BYTES,
    cross_check::CROSS_CHECKS,
    steps::{Amount, JUDGED_WHERE_NAMED, KNOWN, NOT_JUDGED, On, STEPS, Step},
};
use crate::text::number::thousands;
use crate::{
    count::{attach::plan::Probe, kernel::disk::IN_MEMORY, snapshot::Sums},
    metrics::{Grade, Metric},
    record::{CalibrationStep, StepResult},
};

/// What the tracer read after a step.
#[derive(Clone, Debug)]
pub enum StepRun {
    /// The step was run.
    Done {
        /// Minor and major faults, counted by getrusage.
        faults: u64,
        sums: Box<Sums>,
    },
    /// It was not run, for this reason.
    NotDone(String),
}

/// The calibration's finding about one metric.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricCalibration {
    /// Steps in which the metric had to count something, and counted it right.
    pub calibrated_by: Vec<&'static str>,
    /// What was counted wrong, in one sentence.
    pub refuted: Option<String>,
    /// Whether all cross-checks agreed.
    pub cross_checked: bool,
    /// Why a cross-check could not be attached.
    pub not_cross_checked: Option<String>,
    /// Why the metric is not calibrated, if it is not refuted either.
    pub not_calibrated: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// The finding about each metric that is counted.
    pub findings: BTreeMap<Metric, MetricCalibration>,
    pub steps: Vec<CalibrationStep>,
    /// Size of the largest folio that the work directory's file system makes, in pages.
    pub largest_folio_pages: Option<u64>,
}

impl Calibration {
    /// A calibration that calibrated nothing, for this reason.
    #[must_use]
    pub fn none(probes: &BTreeMap<Metric, &'static Probe>, reason: &str) -> Self {
        let not_calibrated = MetricCalibration {
            not_calibrated: Some(reason.to_owned()),
            ..MetricCalibration::default()
        };
        Calibration {
            findings: probes
                .keys()
                .map(|metric| (*metric, not_calibrated.clone()))
                .collect(),
            ..Calibration::default()
        }
    }

    /// Marks steps that failed in an earlier attempt and passed in this one.
    pub fn remember(&mut self, earlier: &Calibration) {
        for (now, then) in self.steps.iter_mut().zip(&earlier.steps) {
            if now.state == StepResult::Passed && then.state == StepResult::Failed {
                now.state = StepResult::PassedOnRetry;
                now.reason.clone_from(&then.reason);
            }
        }
    }

    /// Whether it refutes any probe.
    #[must_use]
    pub fn refutes(&self) -> bool {
        self.findings
            .values()
            .any(|finding| finding.refuted.is_some())
    }
}

/// What expectations depend on: the file system, the page size, and the cross-checks.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationSite<'a> {
    /// Type of the work directory's file system.
    pub file_system: &'a str,
    pub page_bytes: u64,
    /// For each of [`CROSS_CHECKS`], why it could not be attached, if so.
    pub cross_checks: &'a [Result<(), String>],
}

/// Judges the runs of [`STEPS`], in their order.
#[must_use]
pub fn judge(
    runs: &[StepRun],
    probes: &BTreeMap<Metric, &'static Probe>,
    site: CalibrationSite<'_>,
) -> Calibration {
    let mut calibration = Calibration::none(probes, "");
    for (step, run) in STEPS.iter().zip(runs) {
        let (state, reason) = match run {
            _ if let Some(reason) = not_judged_on(step.on, site.file_system) => {
                (StepResult::NotRun, Some(reason))
            }
            StepRun::NotDone(reason) => (StepResult::NotRun, Some(reason.clone())),
            StepRun::Done { faults, sums } => {
                match judge_step(step, *faults, sums, probes, site, &mut calibration) {
                    None => (StepResult::Passed, None),
                    Some(wrong) => (StepResult::Failed, Some(wrong)),
                }
            }
        };
        calibration.steps.push(CalibrationStep {
            name: step.name.to_owned(),
            state,
            reason,
        });
    }
    for (metric, finding) in &mut calibration.findings {
        finding.not_calibrated = (finding.calibrated_by.is_empty() && finding.refuted.is_none())
            .then(|| why_not(*metric, &calibration.steps));
        let mut is_seen = false;
        for (cross_check, attached) in CROSS_CHECKS.iter().zip(site.cross_checks) {
            if cross_check.metric == *metric {
                is_seen = true;
                let refusal = attached.as_ref().err();
                finding.not_cross_checked = finding
                    .not_cross_checked
                    .take()
                    .or_else(|| refusal.cloned());
            }
        }
        finding.cross_checked =
            is_seen && finding.not_cross_checked.is_none() && finding.not_calibrated.is_none();
    }
    calibration
}

/// Why a step is not judged on this file system, if so.
fn not_judged_on(on: On, file_system: &str) -> Option<String> {
    let in_memory = IN_MEMORY.contains(&file_system);
    match on {
        On::CachedFiles | On::KnownDisk if in_memory => Some(format!(
            "{file_system} is memory: it has no cache and no writeback"
        )),
        On::KnownDisk if !KNOWN.contains(&file_system) => Some(format!(
            "the calibration does not know how {file_system} writes back"
        )),
        _ => None,
    }
}

/// Judges one step, and says what was wrong.
fn judge_step(
    step: &'static Step,
    faults: u64,
    sums: &Sums,
    probes: &BTreeMap<Metric, &'static Probe>,
    site: CalibrationSite<'_>,
    calibration: &mut Calibration,
) -> Option<String> {
    let mut problems = Vec::new();
    for (&metric, probe) in probes {
        let Some(finding) = calibration.findings.get_mut(&metric) else {
            continue;
        };
        let before = problems.len();
        let expected = expectations(step, metric, faults, probe, site);
        for (part, wanted) in &expected {
            let counted = part_of(probe, part, sums);
            if counted != *wanted {
                let what = match *part {
                    "" => metric.label().to_owned(),
                    part => format!("{} ({})", metric.label(), part.replace('_', " ")),
                };
                problems.push(format!(
                    "calibration: {} should count {} of {what}, but {} counted {}",
                    step.name,
                    thousands(*wanted),
                    probe.name,
                    thousands(counted)
                ));
            }
        }
        if let Some(problem) = contradiction(metric, probe, sums, site.cross_checks) {
            problems.push(format!("calibration: in {}, {problem}", step.name));
        }
        match problems.get(before) {
            Some(first) => finding.refuted = finding.refuted.take().or_else(|| Some(first.clone())),
            None if expected.iter().any(|(_, wanted)| *wanted > 0) => {
                finding.calibrated_by.push(step.name);
            }
            None => {}
        }
        if metric == Metric::PagesDirtied && is_measured(step, metric) {
            calibration.largest_folio_pages = Some(part_of(probe, "", sums));
        }
    }
    (!problems.is_empty()).then(|| problems.join("; "))
}

fn is_measured(step: &Step, metric: Metric) -> bool {
    step.expected
        .iter()
        .any(|expected| expected.metric == metric && expected.amount == Amount::Measured)
}

/// What a probe must count, part by part. The total (part "") follows from the parts.
fn expectations(
    step: &Step,
    metric: Metric,
    faults: u64,
    probe: &Probe,
    site: CalibrationSite<'_>,
) -> Vec<(&'static str, u64)> {
    let named: Vec<_> = step
        .expected
        .iter()
        .filter(|expected| expected.metric == metric)
        .collect();
    let unjudged = NOT_JUDGED.iter().any(|(known, _)| *known == metric)
        || (named.is_empty() && JUDGED_WHERE_NAMED.contains(&metric))
        || is_measured(step, metric);
    if unjudged {
        return Vec::new();
    }
    let amount = |amount: Amount| match amount {
        Amount::Exactly(number) => number,
        Amount::LargePages => LARGE_BYTES / site.page_bytes,
        Amount::PagesAsBytes(pages) => pages * site.page_bytes,
        Amount::Rusage | Amount::Measured => faults,
    };
    let mut expected: Vec<(&'static str, u64)> = named
        .iter()
        .filter(|it| it.part.is_empty() || has_part(probe, it.part))
        .map(|it| (it.part, amount(it.amount)))
        .collect();
    if !expected.iter().any(|(part, _)| part.is_empty()) {
        let total = match metric {
            // getrusage counts the faults of any step.
            Metric::Faults => faults,
            _ => named.iter().map(|it| amount(it.amount)).sum(),
        };
        expected.push(("", total));
    }
    expected
}

fn has_part(probe: &Probe, part: &str) -> bool {
    probe
        .parts
        .iter()
        .chain(probe.divisions)
        .any(|(_, name)| *name == part)
}

/// The value of a part; of the whole metric if `part` is empty.
fn part_of(probe: &Probe, part: &str, sums: &Sums) -> u64 {
    let sum = |counters: &mut dyn Iterator<Item = Counter>| {
        counters
            .map(|counter| sums.get(counter))
            .fold(0, u64::wrapping_add)
    };
    if part.is_empty() {
        return sum(&mut probe.parts.iter().map(|(counter, _)| *counter));
    }
    let named = probe.parts.iter().chain(probe.divisions);
    sum(&mut named
        .filter(|(_, name)| *name == part)
        .map(|(counter, _)| *counter))
}

/// How a cross-check disagrees, if one does.
fn contradiction(
    metric: Metric,
    probe: &Probe,
    sums: &Sums,
    attached: &[Result<(), String>],
) -> Option<String> {
    CROSS_CHECKS
        .iter()
        .zip(attached)
        .filter(|(cross_check, attached)| cross_check.metric == metric && attached.is_ok())
        .find_map(|(cross_check, _)| {
            let own: u64 = match cross_check.parts {
                [] => part_of(probe, "", sums),
                parts if parts.iter().all(|part| has_part(probe, part)) => {
                    parts.iter().map(|part| part_of(probe, part, sums)).sum()
                }
                _ => return None,
            };
            let seen = sums.get(cross_check.counter);
            let place = cross_check.programs[0].hook.place();
            (own != seen).then(|| {
                format!(
                    "{} counted {} of {} {}, but the cross-check at {place} counted {}",
                    probe.name,
                    thousands(own),
                    metric.label(),
                    cross_check.parts.join(" and "),
                    thousands(seen)
                )
            })
        })
}

fn why_not(metric: Metric, steps: &[CalibrationStep]) -> String {
    if let Some((_, reason)) = NOT_JUDGED.iter().find(|(known, _)| *known == metric) {
        return (*reason).to_owned();
    }
    STEPS
        .iter()
        .zip(steps)
        .filter(|(step, _)| {
            step.expected
                .iter()
                .any(|expected| expected.metric == metric)
        })
        .find_map(|(step, record)| {
            Some(format!(
                "\"{}\" was not tried: {}",
                step.name,
                record.reason.as_deref()?
            ))
        })
        .unwrap_or_else(|| "no step of the calibration counts it".to_owned())
}

/// The grade of a probe after the calibration.
#[must_use]
pub fn grade(probe: &Probe, finding: Option<&MetricCalibration>) -> Grade {
    match finding {
        Some(finding) if finding.cross_checked && probe.grade == Grade::Inferred => {
            Grade::CrossChecked
        }
        _ => probe.grade,
    }
}
