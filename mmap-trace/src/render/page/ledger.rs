//! The page of the claims of the mmap notes.

use askama::Template;

use super::words::words;
use crate::{
    course::notes::{Evidence, Ledger, NoteEntry, Outcome, State},
    render::notes::{self, grounds, summary},
};

#[derive(Template)]
#[template(path = "ledger.html")]
pub(super) struct LedgerPage<'a> {
    introduction: &'static str,
    ledger: &'a Ledger,
}

impl<'a> LedgerPage<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> LedgerPage<'a> {
        LedgerPage {
            introduction: notes::INTRODUCTION,
            ledger,
        }
    }

    fn summary(&self) -> String {
        summary(self.ledger)
    }
}

/// The class and the words of what the checks say about a claim.
fn outcome(entry: &NoteEntry) -> (&'static str, &'static str) {
    match entry.outcome {
        Outcome::Confirmed => ("holds", "✓ confirmed here"),
        Outcome::Contradicted => ("fails", "✗ contradicted here"),
        Outcome::Undecided => ("unobservable", "– not decided here"),
        Outcome::BySource => ("source", "§ by source"),
        Outcome::NotRun => ("source", "not run"),
        Outcome::NoLesson => ("source", "no lesson of this build checks it"),
    }
}

fn verdict(entry: &NoteEntry) -> &'static str {
    entry.verdict.map_or("", |verdict| verdict.name())
}

/// The class and the words of what a run says about a sentence.
fn state(evidence: &Evidence) -> (&'static str, &'static str) {
    match evidence.state {
        State::Holds => ("holds", "✓ holds"),
        State::Fails => ("fails", "✗ fails"),
        State::Unobservable => ("unobservable", "– unobservable"),
        State::BySource => ("source", "§ by source"),
        State::NotRun => ("source", "not run"),
    }
}
