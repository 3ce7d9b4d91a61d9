//! What the calibration says about each signal. Pure.

use std::collections::BTreeMap;

use mmap_trace_ebpf::counters::Counter;

use super::{
    steps::{Amount, JUDGED_WHERE_NAMED, KNOWN, LARGE_BYTES, NOT_JUDGED, On, STEPS, Step},
    witness::WITNESSES,
};
use crate::{
    attach::plan::Way,
    checks::value::thousands,
    kernel::disk::IN_MEMORY,
    record::{StepRecord, StepState},
    signals::{Grade, Signal},
    snapshot::Sums,
};

/// What became of a step.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It was done; getrusage counted so many faults meanwhile.
    Done {
        /// Minor and major faults.
        faults: u64,
        /// What was counted.
        sums: Box<Sums>,
    },
    /// It could not be done.
    NotDone(String),
}

/// What is known about a signal after the calibration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Finding {
    /// Steps that should count something and did count it right.
    pub verified_by: Vec<&'static str>,
    /// What was counted wrong, in words.
    pub refuted: Option<String>,
    /// Whether independent programs counted the same.
    pub witnessed: bool,
    /// Why one of them could not be asked.
    pub unwitnessed: Option<String>,
    /// Why it is not verified, if it is neither verified nor refuted.
    pub unverified: Option<String>,
}

/// The result of a calibration.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// By signal; only those that are counted.
    pub findings: BTreeMap<Signal, Finding>,
    /// What became of each step.
    pub steps: Vec<StepRecord>,
    /// Pages of the largest folio that the file system of the work directory makes.
    pub largest_folio_pages: Option<u64>,
}

impl Evidence {
    /// Nothing could be tried.
    #[must_use]
    pub fn none(ways: &BTreeMap<Signal, &'static Way>, reason: &str) -> Self {
        let unverified = Finding {
            unverified: Some(reason.to_owned()),
            ..Finding::default()
        };
        Evidence {
            findings: ways
                .keys()
                .map(|signal| (*signal, unverified.clone()))
                .collect(),
            ..Evidence::default()
        }
    }

    /// Keeps what was wrong in an earlier attempt with the steps that were right in this one.
    pub fn remember(&mut self, earlier: &Evidence) {
        for (now, then) in self.steps.iter_mut().zip(&earlier.steps) {
            if now.state == StepState::Right && then.state == StepState::Wrong {
                now.state = StepState::RightAgain;
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
pub struct Place<'a> {
    /// File system of the work directory.
    pub file_system: &'a str,
    /// Bytes of a page.
    pub page_bytes: u64,
    /// Whether each of [`WITNESSES`] was attached, or why not.
    pub witnesses: &'a [Result<(), String>],
}

/// Judges the outcomes of [`STEPS`], in their order.
#[must_use]
pub fn judge(
    outcomes: &[Outcome],
    ways: &BTreeMap<Signal, &'static Way>,
    place: Place<'_>,
) -> Evidence {
    let mut evidence = Evidence::none(ways, "");
    for (step, outcome) in STEPS.iter().zip(outcomes) {
        let (state, reason) = match outcome {
            _ if let Some(reason) = unknown(step.on, place.file_system) => {
                (StepState::NotDone, Some(reason))
            }
            Outcome::NotDone(reason) => (StepState::NotDone, Some(reason.clone())),
            Outcome::Done { faults, sums } => {
                match wrong_of(step, *faults, sums, ways, place, &mut evidence) {
                    None => (StepState::Right, None),
                    Some(wrong) => (StepState::Wrong, Some(wrong)),
                }
            }
        };
        evidence.steps.push(StepRecord {
            name: step.name.to_owned(),
            state,
            reason,
        });
    }
    for (signal, finding) in &mut evidence.findings {
        finding.unverified = (finding.verified_by.is_empty() && finding.refuted.is_none())
            .then(|| why_not(*signal, &evidence.steps));
        let mut is_seen = false;
        for (witness, attached) in WITNESSES.iter().zip(place.witnesses) {
            if witness.signal == *signal {
                is_seen = true;
                let refused = attached.as_ref().err();
                finding.unwitnessed = finding.unwitnessed.take().or_else(|| refused.cloned());
            }
        }
        finding.witnessed =
            is_seen && finding.unwitnessed.is_none() && finding.unverified.is_none();
    }
    evidence
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
    ways: &BTreeMap<Signal, &'static Way>,
    place: Place<'_>,
    evidence: &mut Evidence,
) -> Option<String> {
    let mut wrongs = Vec::new();
    for (&signal, way) in ways {
        let Some(finding) = evidence.findings.get_mut(&signal) else {
            continue;
        };
        let before = wrongs.len();
        let expected = expectations(step, signal, faults, way, place);
        for (part, wanted) in &expected {
            let counted = part_of(way, part, sums);
            if counted != *wanted {
                let what = match *part {
                    "" => signal.label().to_owned(),
                    part => format!("{} ({})", signal.label(), part.replace('_', " ")),
                };
                wrongs.push(format!(
                    "calibration: {} should count {} of {what}, and {} counted {}",
                    step.name,
                    thousands(*wanted),
                    way.name,
                    thousands(counted)
                ));
            }
        }
        if let Some(wrong) = contradiction(signal, way, sums, place.witnesses) {
            wrongs.push(format!("calibration: in {}, {wrong}", step.name));
        }
        match wrongs.get(before) {
            Some(first) => finding.refuted = finding.refuted.take().or_else(|| Some(first.clone())),
            None if expected.iter().any(|(_, wanted)| *wanted > 0) => {
                finding.verified_by.push(step.name);
            }
            None => {}
        }
        if signal == Signal::PagesDirtied && is_measured(step, signal) {
            evidence.largest_folio_pages = Some(part_of(way, "", sums));
        }
    }
    (!wrongs.is_empty()).then(|| wrongs.join("; "))
}

fn is_measured(step: &Step, signal: Signal) -> bool {
    step.expected
        .iter()
        .any(|expected| expected.signal == signal && expected.amount == Amount::Measured)
}

/// Parts and numbers that a way must count; the total follows from its parts where all are named.
fn expectations(
    step: &Step,
    signal: Signal,
    faults: u64,
    way: &Way,
    place: Place<'_>,
) -> Vec<(&'static str, u64)> {
    let named: Vec<_> = step
        .expected
        .iter()
        .filter(|expected| expected.signal == signal)
        .collect();
    let unjudged = NOT_JUDGED.iter().any(|(known, _)| *known == signal)
        || (named.is_empty() && JUDGED_WHERE_NAMED.contains(&signal))
        || is_measured(step, signal);
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
        .filter(|it| it.part.is_empty() || tells(way, it.part))
        .map(|it| (it.part, amount(it.amount)))
        .collect();
    if !expected.iter().any(|(part, _)| part.is_empty()) {
        let total = match signal {
            // Whatever else a step does, getrusage tells its faults.
            Signal::Faults => faults,
            _ => named.iter().map(|it| amount(it.amount)).sum(),
        };
        expected.push(("", total));
    }
    expected
}

fn tells(way: &Way, part: &str) -> bool {
    way.parts
        .iter()
        .chain(way.divisions)
        .any(|(_, name)| *name == part)
}

/// A part by its name; all of it without one.
fn part_of(way: &Way, part: &str, sums: &Sums) -> u64 {
    let sum = |counters: &mut dyn Iterator<Item = Counter>| {
        counters
            .map(|counter| sums.get(counter))
            .fold(0, u64::wrapping_add)
    };
    if part.is_empty() {
        return sum(&mut way.parts.iter().map(|(counter, _)| *counter));
    }
    let named = way.parts.iter().chain(way.divisions);
    sum(&mut named
        .filter(|(_, name)| *name == part)
        .map(|(counter, _)| *counter))
}

/// What an independent program counted otherwise.
fn contradiction(
    signal: Signal,
    way: &Way,
    sums: &Sums,
    attached: &[Result<(), String>],
) -> Option<String> {
    WITNESSES
        .iter()
        .zip(attached)
        .filter(|(witness, attached)| witness.signal == signal && attached.is_ok())
        .find_map(|(witness, _)| {
            let own: u64 = match witness.parts {
                [] => part_of(way, "", sums),
                parts if parts.iter().all(|part| tells(way, part)) => {
                    parts.iter().map(|part| part_of(way, part, sums)).sum()
                }
                _ => return None,
            };
            let seen = sums.get(witness.counter);
            let place = witness.programs[0].hook.place();
            (own != seen).then(|| {
                format!(
                    "{} counted {} of {} {}, and {place} saw {}",
                    way.name,
                    thousands(own),
                    signal.label(),
                    witness.parts.join(" and "),
                    thousands(seen)
                )
            })
        })
}

fn why_not(signal: Signal, steps: &[StepRecord]) -> String {
    if let Some((_, reason)) = NOT_JUDGED.iter().find(|(known, _)| *known == signal) {
        return (*reason).to_owned();
    }
    STEPS
        .iter()
        .zip(steps)
        .filter(|(step, _)| {
            step.expected
                .iter()
                .any(|expected| expected.signal == signal)
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
pub fn grade(way: &Way, finding: Option<&Finding>) -> Grade {
    match finding {
        Some(finding) if finding.witnessed && way.grade == Grade::Inferred => Grade::Witnessed,
        _ => way.grade,
    }
}
