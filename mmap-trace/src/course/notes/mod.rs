//! The 44 claims of the mmap notes (teaching notes about mmap that the course checks), each with what
//! the lessons' checks say about it.
//!
//! `lesson.toml` has the wording of a claim and our verdict on it; a Recording has the verdicts of the
//! sentences that settle it.

mod evidence;

use serde::Serialize;

pub use evidence::{Evidence, State};

use crate::{
    course::lesson::file::{LessonFile, NoteVerdict},
    record::Recording,
};

/// The number of claims in the mmap notes.
pub const CLAIMS: u32 = 44;

/// Every claim of the mmap notes, in their order.
#[derive(Clone, Debug, Serialize)]
pub struct Ledger {
    /// Kernels of the recordings, each once.
    pub kernels: Vec<String>,
    /// The claims.
    pub claims: Vec<Entry>,
}

/// One claim of the mmap notes.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its number.
    pub claim: u32,
    /// Lessons that own it; none if this build has no lesson for it.
    pub lessons: Vec<String>,
    /// What it says, in the course's words.
    pub says: Option<String>,
    /// Whether it is true.
    pub verdict: Option<NoteVerdict>,
    /// The right sentence, if it is not true as it stands.
    pub right: Option<String>,
    /// Whether the checks confirm that on this kernel.
    pub outcome: Outcome,
    /// Sentences of the lessons that settle it.
    pub evidence: Vec<Evidence>,
}

/// What the checks say about a claim of the mmap notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every sentence that settles it holds here.
    Confirmed,
    /// One of them fails here.
    Contradicted,
    /// None fails, and one is unobservable here.
    Undecided,
    /// Only published sources decide it.
    BySource,
    /// The recordings have none of them.
    NotRun,
    /// This build has no lesson for it.
    NoLesson,
}

/// Combines lessons and Recordings; the error says which Recordings do not fit together.
pub fn ledger(files: &[LessonFile], recordings: &[Recording]) -> Result<Ledger, String> {
    let mut kernels: Vec<String> = Vec::new();
    for (place, recording) in recordings.iter().enumerate() {
        let id = recording.lesson.as_deref();
        let Some(id) = id else {
            return Err("a recording of a command has no claims; give those of lessons".to_owned());
        };
        if recordings[..place]
            .iter()
            .any(|it| it.lesson.as_deref() == Some(id))
        {
            return Err(format!(
                "there are two recordings of {id}: give one of each lesson, of one kernel"
            ));
        }
        if !kernels.contains(&recording.machine.kernel) {
            kernels.push(recording.machine.kernel.clone());
        }
    }
    Ok(Ledger {
        kernels,
        claims: (1..=CLAIMS)
            .map(|claim| entry(claim, files, recordings))
            .collect(),
    })
}

fn entry(claim: u32, files: &[LessonFile], recordings: &[Recording]) -> Entry {
    let owners: Vec<_> = files
        .iter()
        .flat_map(|file| file.notes.iter().map(move |note| (file, note)))
        .filter(|(_, note)| note.claim == claim)
        .collect();
    let first = owners.first().map(|(_, note)| *note);
    let evidence = evidence::of(claim, files, recordings);
    Entry {
        claim,
        lessons: owners
            .iter()
            .map(|(file, _)| file.lesson.id.clone())
            .collect(),
        says: first.map(|note| note.says.clone()),
        verdict: first.map(|note| note.verdict),
        right: first.and_then(|note| note.right.clone()),
        outcome: if owners.is_empty() {
            Outcome::NoLesson
        } else {
            outcome(&evidence)
        },
        evidence,
    }
}

/// The worst verdict among the sentences that were run decides.
fn outcome(evidence: &[Evidence]) -> Outcome {
    let any = |state: State| evidence.iter().any(|it| it.state == state);
    if any(State::Fails) {
        Outcome::Contradicted
    } else if any(State::Unobservable) {
        Outcome::Undecided
    } else if any(State::Holds) {
        Outcome::Confirmed
    } else if any(State::BySource) {
        Outcome::BySource
    } else {
        Outcome::NotRun
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{
        judge::claims::judge,
        samples::{LESSON, count, recording},
    };

    fn files() -> Vec<LessonFile> {
        vec![LessonFile::parse(LESSON).unwrap()]
    }

    fn judged(mut recording: Recording) -> Recording {
        recording.claims = judge(&files()[0], &recording);
        recording
    }

    fn outcome_of(recordings: &[Recording], claim: u32) -> Outcome {
        let ledger = ledger(&files(), recordings).unwrap();
        ledger.claims[claim as usize - 1].outcome
    }

    #[test]
    fn the_sentences_of_a_claim_confirm_or_contradict_it_or_leave_it_undecided() {
        assert_eq!(outcome_of(&[judged(recording())], 2), Outcome::Confirmed);
        let mut wrong = recording();
        count(&mut wrong, "read-4k", "copied_to_user_bytes").value = Some(1);
        assert_eq!(outcome_of(&[judged(wrong)], 2), Outcome::Contradicted);
        let mut blind = recording();
        count(&mut blind, "read-4k", "copied_to_user_bytes").value = None;
        assert_eq!(outcome_of(&[judged(blind)], 2), Outcome::Undecided);
    }

    #[test]
    fn claims_without_a_run_or_a_lesson_are_listed() {
        assert_eq!(outcome_of(&[], 2), Outcome::NotRun);
        assert_eq!(outcome_of(&[judged(recording())], 44), Outcome::NoLesson);
        let all = ledger(&files(), &[]).unwrap().claims;
        let numbers: Vec<u32> = all.iter().map(|entry| entry.claim).collect();
        assert_eq!(numbers, (1..=CLAIMS).collect::<Vec<_>>());
    }

    #[test]
    fn evidence_names_scenario_count_basis_and_the_lowest_grade() {
        let ledger = ledger(&files(), &[judged(recording())]).unwrap();
        let evidence = &ledger.claims[1].evidence[0];
        assert_eq!(evidence.state, State::Holds);
        assert_eq!(evidence.scenario.as_deref(), Some("read-4k"));
        assert!(evidence.observed.is_some() && evidence.grade.is_some());
    }

    #[test]
    fn two_runs_of_one_lesson_are_refused() {
        let twice = [judged(recording()), judged(recording())];
        assert!(ledger(&files(), &twice).unwrap_err().contains("lesson-3"));
        let mut command = recording();
        command.lesson = None;
        assert!(ledger(&files(), &[command]).is_err());
    }
}
