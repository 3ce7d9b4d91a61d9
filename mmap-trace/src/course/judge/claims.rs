//! The verdicts: every claim of a lesson against one Recording.
//!
//! A claim fails if one of its checks fails, else is unobservable if one of them is, else holds.
//! A claim by source can be decided by no run. Its verdict is `unobservable` with the source as
//! reason; outputs show it as "by source", and it does not change the exit code.

use crate::record::{Basis, CheckRecord, ClaimRecord, Recording, Verdict};

use super::{
    evaluate::{self, Truth},
    lookup::Place,
    perturbed, timed,
};
use crate::course::{
    expression::{tree::Expectation, value::Unobservable},
    lesson::{
        claim::{Check, Claim},
        file::LessonFile,
    },
};

/// Exit code if all claims hold.
pub const ALL_HOLD: u8 = 0;
/// Exit code if one fails.
pub const ONE_FAILS: u8 = 1;
/// Exit code if none fails, but some cannot be told.
pub const SOME_UNOBSERVABLE: u8 = 3;

/// Judges every claim of a lesson, in the order of its file.
#[must_use]
pub fn judge(file: &LessonFile, recording: &Recording) -> Vec<ClaimRecord> {
    let found = &recording.machine.file_system;
    let stranger =
        !file.lesson.file_systems.is_empty() && !file.lesson.file_systems.contains(found);
    file.claims
        .iter()
        .map(|entry| {
            let record = claim(entry, recording);
            if stranger && record.verdict == Verdict::Fails {
                on_another_file_system(record, file, found)
            } else {
                record
            }
        })
        .collect()
}

/// A sentence about one file system is not refuted by another one.
fn on_another_file_system(mut claim: ClaimRecord, file: &LessonFile, found: &str) -> ClaimRecord {
    let reason = format!(
        "it is not so on {found}, and the sentence is about {}",
        file.lesson.file_systems.join(" and ")
    );
    for check in &mut claim.checks {
        if check.verdict == Verdict::Fails {
            check.verdict = Verdict::Unobservable;
            check.reason = Some(reason.clone());
        }
    }
    claim.verdict = Verdict::Unobservable;
    claim.reason = Some(reason);
    claim
}

/// What a run says by its exit code.
#[must_use]
pub fn exit_code(claims: &[ClaimRecord]) -> u8 {
    let counted = claims.iter().filter(|claim| claim.basis != Basis::Source);
    match worst(counted.map(|claim| claim.verdict)) {
        Verdict::Holds => ALL_HOLD,
        Verdict::Fails => ONE_FAILS,
        Verdict::Unobservable => SOME_UNOBSERVABLE,
    }
}

/// One failure decides; without one, one that cannot be told.
fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Holds, |worst, verdict| match (worst, verdict) {
        (Verdict::Fails, _) | (_, Verdict::Fails) => Verdict::Fails,
        (Verdict::Unobservable, _) | (_, Verdict::Unobservable) => Verdict::Unobservable,
        (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
    })
}

fn claim(claim: &Claim, recording: &Recording) -> ClaimRecord {
    let checks: Vec<CheckRecord> = claim
        .checks
        .iter()
        .flat_map(|entry| {
            entry
                .scenarios
                .iter()
                .map(move |scenario| (entry, scenario))
        })
        .map(|(entry, scenario)| {
            let place = Place {
                recording,
                scenario,
                least: claim.least,
            };
            check(entry, claim.basis, &place)
        })
        .collect();
    let by_source = claim.basis == Basis::Source;
    let verdict = if by_source {
        Verdict::Unobservable
    } else {
        worst(checks.iter().map(|check| check.verdict))
    };
    let decided = checks.iter().find(|check| check.verdict == verdict);
    let source = claim.source.as_deref().filter(|_| by_source);
    ClaimRecord {
        id: claim.id.clone(),
        text: claim.sentence.clone(),
        settles: claim.settles.clone(),
        basis: claim.basis,
        section: claim.section.clone(),
        verdict,
        expected: decided.and_then(|check| check.expected.clone()),
        observed: decided.and_then(|check| check.observed.clone()),
        reason: source
            .map(|source| format!("source: {source}"))
            .or_else(|| decided.and_then(|check| check.reason.clone())),
        checks,
    }
}

fn check(check: &Check, basis: Basis, place: &Place<'_>) -> CheckRecord {
    let decide = match basis {
        Basis::Timed => timed::answer,
        Basis::Counted | Basis::Observed | Basis::Source => evaluate::answer,
    };
    let answer = check
        .needs
        .iter()
        .try_for_each(|need| require(need, place))
        .and_then(|()| decide(&check.expect, place));
    let mut record = CheckRecord {
        scenario: place.scenario.to_owned(),
        expect: check.expect.text.clone(),
        verdict: Verdict::Unobservable,
        expected: None,
        observed: None,
        reason: None,
    };
    match answer {
        Err(Unobservable(reason)) => record.reason = Some(reason),
        Ok(answer) => {
            record.expected = Some(answer.expected(&check.expect));
            record.observed = Some(answer.left.to_string());
            match answer.truth {
                Truth::Holds => record.verdict = Verdict::Holds,
                Truth::Fails => match perturbed::excuse(&check.expect, place) {
                    None => record.verdict = Verdict::Fails,
                    excuse => record.reason = excuse,
                },
                Truth::Unobservable(Unobservable(reason)) => record.reason = Some(reason),
            }
        }
    }
    record
}

/// A need that is not true says so with its values.
pub(super) fn require(need: &Expectation, place: &Place<'_>) -> Result<(), Unobservable> {
    let answer = evaluate::answer(need, place)?;
    match answer.truth {
        Truth::Holds => Ok(()),
        Truth::Unobservable(reason) => Err(reason),
        Truth::Fails => Err(Unobservable(format!(
            "it needs {}, which here is {} {} {}",
            need.text,
            answer.left,
            need.relation.sign(),
            answer.right
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::samples::{LESSON, count, disturb, recording, scenario};

    fn judged(recording: &Recording) -> Vec<ClaimRecord> {
        judge(&LessonFile::parse(LESSON).unwrap(), recording)
    }

    fn verdicts(claims: &[ClaimRecord]) -> Vec<Verdict> {
        claims.iter().map(|claim| claim.verdict).collect()
    }

    #[test]
    fn a_claim_that_holds_shows_what_was_expected_and_observed() {
        let claims = judged(&recording());
        assert_eq!(
            verdicts(&claims),
            [Verdict::Holds, Verdict::Holds, Verdict::Unobservable]
        );
        assert_eq!(
            claims[0].expected.as_deref(),
            Some("== 67,108,864  (work.bytes)")
        );
        assert_eq!(claims[0].observed.as_deref(), Some("67,108,864"));
        assert_eq!(claims[0].reason, None);
        assert_eq!(exit_code(&claims), ALL_HOLD);
    }

    #[test]
    fn a_claim_by_source_names_it_and_changes_no_exit_code() {
        let claims = judged(&recording());
        assert_eq!(claims[2].reason.as_deref(), Some("source: a book"));
        assert_eq!(exit_code(&claims[2..]), ALL_HOLD);
        assert_eq!(exit_code(&[]), ALL_HOLD);
    }

    #[test]
    fn another_file_system_refutes_nothing() {
        let mut recording = recording();
        count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(1);
        recording.machine.file_system = "tmpfs".to_owned();
        let claims = judged(&recording);
        assert_eq!(
            verdicts(&claims[..2]),
            [Verdict::Holds, Verdict::Unobservable]
        );
        assert_eq!(
            claims[1].reason.as_deref(),
            Some("it is not so on tmpfs, and the sentence is about ext4")
        );
        assert_eq!(exit_code(&claims), SOME_UNOBSERVABLE);
    }

    #[test]
    fn a_disturbed_scenario_refutes_nothing_and_may_still_hold() {
        let mut recording = recording();
        for name in ["read-4k", "mmap-load"] {
            disturb(&mut recording, name);
        }
        count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(1);
        let claims = judged(&recording);
        assert_eq!(
            verdicts(&claims[..2]),
            [Verdict::Holds, Verdict::Unobservable]
        );
        assert_eq!(claims[1].observed.as_deref(), Some("1"));
        let reason = claims[1].reason.as_deref().unwrap_or_default();
        assert!(reason.contains("in each of 4 attempts"), "{reason}");
    }

    #[test]
    fn a_failure_outranks_what_can_not_be_told() {
        let mut recording = recording();
        count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(1);
        scenario(&mut recording, "read-4k").name = "another".to_owned();
        let claims = judged(&recording);
        assert_eq!(
            verdicts(&claims[..2]),
            [Verdict::Unobservable, Verdict::Fails]
        );
        assert_eq!(
            claims[0].reason.as_deref(),
            Some("the scenario read-4k was not run")
        );
        assert_eq!(claims[1].observed.as_deref(), Some("1"));
        assert_eq!(exit_code(&claims), ONE_FAILS);
        assert_eq!(exit_code(&claims[..1]), SOME_UNOBSERVABLE);
    }

    #[test]
    fn a_need_that_is_not_true_is_named_with_its_values_and_hides_a_failure() {
        let mut recording = recording();
        count(&mut recording, "read-4k", "copied_to_user_bytes").value = Some(1);
        let observed = &mut scenario(&mut recording, "read-4k").observed;
        observed.get_mut("resident_pages_before").unwrap().value = Some(7);
        let claims = judged(&recording);
        assert_eq!(claims[0].verdict, Verdict::Unobservable);
        assert_eq!(
            claims[0].reason.as_deref(),
            Some(
                "it needs observed.resident_pages_before == work.bytes / machine.page_bytes, \
                 which here is 7 == 16,384"
            )
        );
    }
}
