//! The head of a page: the answers to the reader's three questions, and the state of the run.

use askama::{Template, filters::HtmlSafe};

use super::{
    claim::{ClaimView, VerdictMark},
    words::words,
};
use crate::{
    record::{Instrument, PredictionRecord, PredictionResult, Recording},
    render::header,
    text::number::thousands,
    weave::{Judged, WovenLesson},
};

/// A prediction and what became of it.
#[derive(Debug, Template)]
#[template(path = "answer.html")]
pub(super) struct AnswerView {
    pub(super) anchor: String,
    pub(super) record: PredictionRecord,
    /// Anchor of the section that explains it.
    section: Option<String>,
}

impl HtmlSafe for AnswerView {}

impl AnswerView {
    pub(super) fn of(
        place: usize,
        record: &PredictionRecord,
        section: Option<String>,
    ) -> AnswerView {
        AnswerView {
            anchor: format!("prediction-{}", place + 1),
            record: record.clone(),
            section,
        }
    }

    fn class(&self) -> &'static str {
        match self.record.result {
            PredictionResult::Right => "right",
            PredictionResult::Wrong => "wrong",
            PredictionResult::Unobservable => "unobservable",
        }
    }

    fn word(&self) -> &'static str {
        match self.record.result {
            PredictionResult::Right => "✓ right",
            PredictionResult::Wrong => "✗ not so",
            PredictionResult::Unobservable => "– unobservable",
        }
    }

    pub(super) fn is_wrong(&self) -> bool {
        self.record.result == PredictionResult::Wrong
    }
}

/// How many claims have each verdict.
#[derive(Debug)]
pub(super) struct ClaimSums {
    pub(super) holds: usize,
    pub(super) fails: usize,
    pub(super) unobservable: usize,
    pub(super) by_source: usize,
}

impl ClaimSums {
    pub(super) fn of(claims: &[ClaimView]) -> ClaimSums {
        let count = |kind| claims.iter().filter(|claim| claim.is(kind)).count();
        ClaimSums {
            holds: count(VerdictMark::Holds),
            fails: count(VerdictMark::Fails),
            unobservable: count(VerdictMark::Unobservable),
            by_source: count(VerdictMark::BySource),
        }
    }

    /// The number of claims that a run can decide.
    pub(super) fn decidable(&self) -> usize {
        self.holds + self.fails + self.unobservable
    }
}

/// Facts about the run, each in a few words.
pub(super) fn facts(recording: &Recording) -> Vec<String> {
    let machine = &recording.machine;
    let cpus = if machine.cpus == 1 { "CPU" } else { "CPUs" };
    let mut facts = vec![
        format!(
            "Linux {}, {}, {} {cpus}",
            machine.kernel, machine.arch, machine.cpus
        ),
        machine.file_system.clone(),
    ];
    facts.extend(
        recording
            .size_bytes
            .map(|bytes| format!("{} of data", header::size(bytes))),
    );
    facts.push(recording.started_at.replace('T', " ").replace('Z', " UTC"));
    facts
}

/// What a reader must know before believing the numbers.
pub(super) fn warnings(woven: &WovenLesson<'_>) -> Vec<String> {
    let recording = woven.recording;
    let mut warnings = Vec::new();
    if let Some(problem) = &recording.incomplete {
        warnings.push(format!(
            "The run is incomplete: {problem}. The counts are those until then."
        ));
    }
    let losses = header::losses(recording)
        .into_iter()
        .filter(|(_, n)| *n > 0);
    let losses: Vec<String> = losses
        .map(|(name, n)| format!("{} {name}", thousands(n)))
        .collect();
    if !losses.is_empty() {
        warnings.push(format!("Something is missing: {}.", losses.join(", ")));
    }
    let unreliable = header::unreliable(recording);
    if !unreliable.is_empty() {
        warnings.push(format!("Do not rely on {}.", unreliable.join(", ")));
    }
    if recording.machine.instrument == Instrument::Unprivileged {
        warnings.push(format!("Counted by {}.", header::UNPRIVILEGED));
    }
    if woven.judged == Judged::Stored && !recording.claims.is_empty() {
        warnings.push(
            "This program does not know the lesson, so it cannot judge the counts again: the verdicts are \
             those that the recording has."
                .to_owned(),
        );
    }
    warnings
}

/// `1 table`, `2 tables`.
pub(super) fn plural(count: usize, one: &str) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{} {one}{s}", thousands(count as u64))
}
