//! What the calibration says about each metric. Pure.

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

/// What became of a step.
#[derive(Clone, Debug)]
pub enum StepOutcome {
    /// It was done; with the faults that getrusage counted meanwhile.
    Done {
        /// Minor and major faults.
        faults: u64,
        /// What was counted.
        sums: Box<Sums>,
    },
    /// It could not be done.
    NotDone(String),
}

/// What is known about a metric after the calibration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetricCalibration {
    /// Steps that should count something and did count it right.
    pub calibrated_by: Vec<&'static str>,
    /// What was counted wrong, in words.
    pub refuted: Option<String>,
    /// Whether independent programs counted the same.
    pub cross_checked: bool,
    /// Why one of them could not be asked.
    pub not_cross_checked: Option<String>,
    /// Why it is not verified, if it is neither verified nor refuted.
    pub not_calibrated: Option<String>,
}

/// The result of a calibration.
#[derive(Clone, Debug, Default)]
pub struct Calibration {
    /// By metric; only those that are counted.
    pub findings: BTreeMap<Metric, MetricCalibration>,
    /// What became of each step.
    pub steps: Vec<CalibrationStep>,
    /// Pages of the largest folio that the file system of the work directory makes.
    pub largest_folio_pages: Option<u64>,
}

impl Calibration {
    /// Nothing could be tried.
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

    /// Keeps what was wrong in an earlier attempt with the steps that were right in this one.
    pub fn remember(&mut self, earlier: &Calibration) {
        for (now, then) in self.steps.iter_mut().zip(&earlier.steps) {
            if now.state == StepResult::Passed && then.state == StepResult::Failed {
                now.state = StepResult::PassedOnRetry;
                now.reason.clone_from(&then.reason);
            }
        }
    }

    /// Whether something was counted wrong.
    #[must_use]
    pub fn refutes(&self) -> bool {
        self.findings
            .values()
            .any(|finding| finding.refuted.is_some())
    }
}

/// The machine, as far as expectations depend on it.
#[derive(Clone, Copy, Debug)]
pub struct CalibrationSite<'a> {
    /// File system of the work directory.
    pub file_system: &'a str,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Whether each of [`CROSS_CHECKS`] was attached, or why not.
    pub cross_checks: &'a [Result<(), String>],
}

/// Judges the outcomes of [`STEPS`], in their order.
#[must_use]
pub fn judge(
    outcomes: &[StepOutcome],
    probes: &BTreeMap<Metric, &'static Probe>,
    place: CalibrationSite<'_>,
) -> Calibration {
    let mut calibration = Calibration::none(probes, "");
    for (step, outcome) in STEPS.iter().zip(outcomes) {
        let (state, reason) = match outcome {
            _ if let Some(reason) = unknown(step.on, place.file_system) => {
                (StepResult::NotRun, Some(reason))
            }
            StepOutcome::NotDone(reason) => (StepResult::NotRun, Some(reason.clone())),
            StepOutcome::Done { faults, sums } => {
                match wrong_of(step, *faults, sums, probes, place, &mut calibration) {
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
        for (cross_check, attached) in CROSS_CHECKS.iter().zip(place.cross_checks) {
            if cross_check.metric == *metric {
                is_seen = true;
                let refused = attached.as_ref().err();
                finding.not_cross_checked = finding
                    .not_cross_checked
                    .take()
                    .or_else(|| refused.cloned());
            }
        }
        finding.cross_checked =
            is_seen && finding.not_cross_checked.is_none() && finding.not_calibrated.is_none();
    }
    calibration
}

/// Why nothing is expected of a step on this file system.
fn unknown(on: On, file_system: &str) -> Option<String> {
    let in_memory = IN_MEMORY.contains(&file_system);
    match on {
        On::CachedFiles | On::KnownDisk if in_memory => Some(format!(
            "{file_system} is memory: it has no cache and no writeback"
        )),
        On::KnownDisk if !KNOWN.contains(&file_system) => {
            Some(format!("how {file_system} writes back is not known"))
        }
        _ => None,
    }
}

/// Judges one step; says what was wrong.
fn wrong_of(
    step: &'static Step,
    faults: u64,
    sums: &Sums,
    probes: &BTreeMap<Metric, &'static Probe>,
    place: CalibrationSite<'_>,
    calibration: &mut Calibration,
) -> Option<String> {
    let mut wrongs = Vec::new();
    for (&metric, probe) in probes {
        let Some(finding) = calibration.findings.get_mut(&metric) else {
            continue;
        };
        let before = wrongs.len();
        let expected = expectations(step, metric, faults, probe, place);
        for (part, wanted) in &expected {
            let counted = part_of(probe, part, sums);
            if counted != *wanted {
                let what = match *part {
                    "" => metric.label().to_owned(),
                    part => format!("{} ({})", metric.label(), part.replace('_', " ")),
                };
                wrongs.push(format!(
                    "calibration: {} should count {} of {what}, and {} counted {}",
                    step.name,
                    thousands(*wanted),
                    probe.name,
                    thousands(counted)
                ));
            }
        }
        if let Some(wrong) = contradiction(metric, probe, sums, place.cross_checks) {
            wrongs.push(format!("calibration: in {}, {wrong}", step.name));
        }
        match wrongs.get(before) {
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
    (!wrongs.is_empty()).then(|| wrongs.join("; "))
}

fn is_measured(step: &Step, metric: Metric) -> bool {
    step.expected
        .iter()
        .any(|expected| expected.metric == metric && expected.amount == Amount::Measured)
}

/// Parts and numbers that a way must count; the total follows from its parts where all are named.
fn expectations(
    step: &Step,
    metric: Metric,
    faults: u64,
    probe: &Probe,
    place: CalibrationSite<'_>,
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
        Amount::LargePages => LARGE_BYTES / place.page_bytes,
        Amount::PagesAsBytes(pages) => pages * place.page_bytes,
        Amount::Rusage | Amount::Measured => faults,
    };
    let mut expected: Vec<(&'static str, u64)> = named
        .iter()
        .filter(|it| it.part.is_empty() || tells(probe, it.part))
        .map(|it| (it.part, amount(it.amount)))
        .collect();
    if !expected.iter().any(|(part, _)| part.is_empty()) {
        let total = match metric {
            // Whatever else a step does, getrusage tells its faults.
            Metric::Faults => faults,
            _ => named.iter().map(|it| amount(it.amount)).sum(),
        };
        expected.push(("", total));
    }
    expected
}

fn tells(probe: &Probe, part: &str) -> bool {
    probe
        .parts
        .iter()
        .chain(probe.divisions)
        .any(|(_, name)| *name == part)
}

/// A part by its name; all of it without one.
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

/// What an independent program counted otherwise.
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
                parts if parts.iter().all(|part| tells(probe, part)) => {
                    parts.iter().map(|part| part_of(probe, part, sums)).sum()
                }
                _ => return None,
            };
            let seen = sums.get(cross_check.counter);
            let place = cross_check.programs[0].hook.place();
            (own != seen).then(|| {
                format!(
                    "{} counted {} of {} {}, and {place} saw {}",
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
                "{} was not tried: {}",
                step.name,
                record.reason.as_deref()?
            ))
        })
        .unwrap_or_else(|| "no step tries it".to_owned())
}

/// The grade of a way after the calibration.
#[must_use]
pub fn grade(probe: &Probe, finding: Option<&MetricCalibration>) -> Grade {
    match finding {
        Some(finding) if finding.cross_checked && probe.grade == Grade::Inferred => {
            Grade::CrossChecked
        }
        _ => probe.grade,
    }
}
