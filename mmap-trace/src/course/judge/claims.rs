//! Judges every claim of a lesson by one Recording.
//!
//! A claim fails if one of its checks fails; else it is unobservable if one of them is; else it holds.
//! No run can decide a claim by source. Its verdict is `unobservable` with the source as its reason;
//! outputs show it as "by source", and it does not change the exit code.

use crate::record::{Basis, CheckRecord, ClaimRecord, Recording, Verdict};

use super::{
    evaluate::{self, Truth},
    excuse,
    lookup::Place,
    timed,
};
use crate::course::{
    expression::value::Unobservable,
    lesson::{
        claim::{Check, Claim},
        file::LessonFile,
    },
};

/// Exit code if all claims hold.
pub const ALL_HOLD: u8 = 0;
/// Exit code if one fails.
pub const ONE_FAILS: u8 = 1;
/// Exit code if none fails and some are unobservable.
pub const SOME_UNOBSERVABLE: u8 = 3;

/// Judges every claim of a lesson, in the order of its file.
#[must_use]
pub fn judge(file: &LessonFile, recording: &Recording) -> Vec<ClaimRecord> {
    let claims = file.claims.iter();
    claims.map(|it| claim(it, file, recording)).collect()
}

/// The exit code of a run.
#[must_use]
pub fn exit_code(claims: &[ClaimRecord]) -> u8 {
    let counted = claims.iter().filter(|claim| claim.basis != Basis::Source);
    match worst(counted.map(|claim| claim.verdict)) {
        Verdict::Holds => ALL_HOLD,
        Verdict::Fails => ONE_FAILS,
        Verdict::Unobservable => SOME_UNOBSERVABLE,
    }
}

/// One failure decides; without a failure, one unobservable check does.
fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.fold(Verdict::Holds, |worst, verdict| match (worst, verdict) {
        (Verdict::Fails, _) | (_, Verdict::Fails) => Verdict::Fails,
        (Verdict::Unobservable, _) | (_, Verdict::Unobservable) => Verdict::Unobservable,
        (Verdict::Holds, Verdict::Holds) => Verdict::Holds,
    })
}

fn claim(claim: &Claim, file: &LessonFile, recording: &Recording) -> ClaimRecord {
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
            check(entry, claim.basis, &place, &file.lesson.file_systems)
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

fn check(check: &Check, basis: Basis, place: &Place<'_>, file_systems: &[String]) -> CheckRecord {
    let decide = match basis {
        Basis::Timed => timed::answer,
        Basis::Counted | Basis::Observed | Basis::Source => evaluate::answer,
    };
    let answer = check
        .needs
        .iter()
        .try_for_each(|need| evaluate::require(need, place))
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
                Truth::Fails => match excuse::of(&check.expect, place, file_systems) {
                    None => record.verdict = Verdict::Fails,
                    reason => record.reason = reason,
                },
                Truth::Unobservable(Unobservable(reason)) => record.reason = Some(reason),
            }
        }
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::samples::{LESSON, count, perturb, recording, scenario};

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
    fn a_claim_by_source_shows_its_source_and_does_not_change_the_exit_code() {
        let claims = judged(&recording());
        assert_eq!(claims[2].reason.as_deref(), Some("source: a book"));
        assert_eq!(exit_code(&claims[2..]), ALL_HOLD);
        assert_eq!(exit_code(&[]), ALL_HOLD);
    }

    #[test]
    fn a_failure_on_another_file_system_is_unobservable() {
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
    fn a_perturbed_scenario_refutes_nothing_and_its_claims_may_hold() {
        let mut recording = recording();
        for name in ["read-4k", "mmap-load"] {
            perturb(&mut recording, name);
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
    fn a_failure_outranks_an_unobservable_check() {
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
    fn a_need_that_is_not_true_makes_the_claim_unobservable_and_shows_its_values() {
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
