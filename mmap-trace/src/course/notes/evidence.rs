//! What one sentence of a lesson says about a claim of the mmap notes, and by which counts.

use serde::Serialize;

use crate::{
    course::{
        expression::names::Quantity,
        lesson::{claim::Claim, file::LessonFile},
    },
    metrics::{Grade, Metric},
    record::{Basis, ClaimRecord, Recording, Verdict},
};

/// A sentence that settles a claim of the mmap notes.
#[derive(Clone, Debug, Serialize)]
pub struct Evidence {
    /// Id of the lesson.
    pub lesson: String,
    /// Id of its claim.
    pub id: String,
    /// The sentence.
    pub sentence: String,
    /// What it rests on.
    pub basis: Basis,
    /// Its verdict, or why it has none.
    pub state: State,
    /// Scenario of the check that decided it.
    pub scenario: Option<String>,
    /// What that check expects.
    pub expect: Option<String>,
    /// Its left-hand side with its value.
    pub observed: Option<String>,
    /// Its right-hand side with its value.
    pub expected: Option<String>,
    /// The lowest grade among the counts that its checks name; `null` if they name none.
    pub grade: Option<Grade>,
    /// Why it is unobservable, or the source.
    pub reason: Option<String>,
}

/// The verdict on a sentence, or why it has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// The run confirms it.
    Holds,
    /// The run refutes it.
    Fails,
    /// This machine or this run cannot tell.
    Unobservable,
    /// A published source says it.
    BySource,
    /// No recording has it.
    NotRun,
}

impl State {
    /// Its name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::Holds => "holds",
            State::Fails => "FAILS",
            State::Unobservable => "unobservable",
            State::BySource => "by source",
            State::NotRun => "not run",
        }
    }
}

/// Every sentence that settles `claim`, in the order of the lessons.
pub(super) fn of(claim: u32, files: &[LessonFile], recordings: &[Recording]) -> Vec<Evidence> {
    let mut found = Vec::new();
    for file in files {
        let recording = recordings
            .iter()
            .find(|it| it.lesson.as_deref() == Some(&*file.lesson.id));
        let settling = file.claims.iter();
        for asked in settling.filter(|asked| asked.settles.contains(&claim)) {
            let record = recording
                .and_then(|recording| recording.claims.iter().find(|it| it.id == asked.id));
            found.push(one(&file.lesson.id, asked, record, recording));
        }
    }
    found
}

fn one(
    lesson: &str,
    asked: &Claim,
    record: Option<&ClaimRecord>,
    recording: Option<&Recording>,
) -> Evidence {
    let decided = record.and_then(|record| {
        let mut checks = record.checks.iter();
        checks.find(|check| check.verdict == record.verdict)
    });
    let source = asked
        .source
        .as_ref()
        .map(|source| format!("source: {source}"));
    Evidence {
        lesson: lesson.to_owned(),
        id: asked.id.clone(),
        sentence: asked.sentence.clone(),
        basis: asked.basis,
        state: match (asked.basis, record.map(|record| record.verdict)) {
            (Basis::Source, _) => State::BySource,
            (_, None) => State::NotRun,
            (_, Some(Verdict::Holds)) => State::Holds,
            (_, Some(Verdict::Fails)) => State::Fails,
            (_, Some(Verdict::Unobservable)) => State::Unobservable,
        },
        scenario: decided.map(|check| check.scenario.clone()),
        expect: decided.map(|check| check.expect.clone()),
        observed: decided.and_then(|check| check.observed.clone()),
        expected: decided.and_then(|check| check.expected.clone()),
        grade: recording.and_then(|recording| grade(asked, recording)),
        reason: record.and_then(|record| record.reason.clone()).or(source),
    }
}

/// The lowest grade among the counts that a claim expects something of.
fn grade(asked: &Claim, recording: &Recording) -> Option<Grade> {
    let of = |metric: Metric| {
        let mut metrics = recording.metrics.iter();
        metrics.find(|it| it.name == metric.key())?.grade
    };
    asked
        .checks
        .iter()
        .flat_map(|check| check.expect.names())
        .filter_map(|name| match name.quantity {
            Quantity::Count { metric, .. } => of(metric),
            _ => None,
        })
        .min()
}
