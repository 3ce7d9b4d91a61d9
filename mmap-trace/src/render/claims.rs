//! The claims of a lesson and their verdicts.

use super::{
    Style,
    sheet::{Sheet, Tone},
    text::escape,
};
use crate::record::{Basis, CheckRecord, ClaimRecord, Recording, Verdict};

/// Column in which sentences begin, after mark and verdict.
const INDENT: usize = 16;
/// The number of failing checks that are shown for one claim.
const MOST_CHECKS: usize = 3;

/// What the word means, where a screen first uses it.
const UNOBSERVABLE: &str = "unobservable: this machine or this run cannot decide the sentence; the reason is \
    given below it";

/// Writes the claims and a line that counts them.
pub(super) fn write(sheet: &mut Sheet, recording: &Recording) {
    if recording.claims.is_empty() {
        return;
    }
    sheet.blank();
    sheet.line(Tone::Strong, "What the lesson says");
    if recording.claims.iter().any(is_unobservable) {
        sheet.paragraph(Tone::Faint, 0, UNOBSERVABLE);
    }
    for claim in &recording.claims {
        one(sheet, claim, recording.lesson.as_deref());
    }
    sheet.blank();
    sheet.line(Tone::Strong, &summary(&recording.claims));
}

/// The claims of several lessons that fail or are unobservable; empty if there are none.
#[must_use]
pub fn open(recordings: &[Recording], style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let mut claims = recordings.iter().flat_map(|recording| &recording.claims);
    if claims.any(is_unobservable) {
        sheet.paragraph(Tone::Faint, 0, UNOBSERVABLE);
    }
    for recording in recordings {
        let lesson = recording.lesson.as_deref();
        let open = recording
            .claims
            .iter()
            .filter(|claim| claim.verdict != Verdict::Holds && claim.basis != Basis::Source);
        for (number, claim) in open.enumerate() {
            if number == 0 {
                sheet.blank();
                sheet.line(Tone::Strong, &escape(lesson.unwrap_or_default()));
            }
            one(&mut sheet, claim, lesson);
        }
    }
    sheet.blank();
    sheet.into_text()
}

fn is_unobservable(claim: &ClaimRecord) -> bool {
    claim.verdict == Verdict::Unobservable && claim.basis != Basis::Source
}

fn one(sheet: &mut Sheet, claim: &ClaimRecord, lesson: Option<&str>) {
    let (tone, mark) = mark(claim);
    sheet.marked(tone, mark, INDENT, &claim.text);
    match claim.verdict {
        Verdict::Holds => {}
        Verdict::Fails => failure(sheet, claim, lesson),
        Verdict::Unobservable => reason(sheet, claim),
    }
}

fn mark(claim: &ClaimRecord) -> (Tone, &'static str) {
    match (claim.verdict, claim.basis) {
        (Verdict::Holds, _) => (Tone::Good, "+ holds"),
        (Verdict::Fails, _) => (Tone::Bad, "x FAILS"),
        (Verdict::Unobservable, Basis::Source) => (Tone::Faint, ". by source"),
        (Verdict::Unobservable, _) => (Tone::Doubtful, "- unobservable"),
    }
}

fn failure(sheet: &mut Sheet, claim: &ClaimRecord, lesson: Option<&str>) {
    let failing: Vec<&CheckRecord> = claim
        .checks
        .iter()
        .filter(|check| check.verdict == Verdict::Fails)
        .collect();
    for check in failing.iter().take(MOST_CHECKS) {
        let text = format!("in {}: {}", check.scenario, check.expect);
        sheet.paragraph(Tone::Plain, INDENT, &text);
        let expected = check.expected.as_deref().unwrap_or("?");
        let observed = check.observed.as_deref().unwrap_or("?");
        sheet.paragraph(Tone::Plain, INDENT + 2, &format!("expected {expected}"));
        sheet.paragraph(Tone::Plain, INDENT + 2, &format!("observed {observed}"));
    }
    let more = failing.len().saturating_sub(MOST_CHECKS);
    if more > 0 {
        let checks = if more == 1 {
            "check fails"
        } else {
            "checks fail"
        };
        sheet.paragraph(Tone::Plain, INDENT, &format!("{more} more {checks}"));
    }
    if let Some(lesson) = lesson {
        let text = format!(
            "see section \"{}\" of the lesson: cargo xtask read {lesson}",
            claim.section
        );
        sheet.paragraph(Tone::Plain, INDENT, &text);
    }
}

fn reason(sheet: &mut Sheet, claim: &ClaimRecord) {
    let undecided = claim
        .checks
        .iter()
        .find(|check| check.verdict == Verdict::Unobservable);
    // A claim by source has no check.
    let place = undecided.map_or(String::new(), |check| format!("in {}: ", check.scenario));
    let reason = claim.reason.as_deref().unwrap_or("no reason is known");
    sheet.paragraph(Tone::Plain, INDENT, &format!("{place}{reason}"));
}

/// How many claims hold, fail and are unobservable.
#[must_use]
pub fn summary(claims: &[ClaimRecord]) -> String {
    let count = |verdict: Verdict| {
        let counted = claims.iter().filter(|claim| claim.basis != Basis::Source);
        counted.filter(|claim| claim.verdict == verdict).count()
    };
    let by_source = claims
        .iter()
        .filter(|claim| claim.basis == Basis::Source)
        .count();
    let by_source = match by_source {
        0 => String::new(),
        some => format!(", {some} by source"),
    };
    format!(
        "{} hold, {} fail, {} unobservable{by_source}",
        count(Verdict::Holds),
        count(Verdict::Fails),
        count(Verdict::Unobservable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{judge::claims::judge, lesson::file::LessonFile, samples};

    #[test]
    fn a_failing_claim_shows_what_was_expected_and_observed_and_where_to_read() {
        let file = LessonFile::parse(samples::LESSON).unwrap();
        let mut recording = samples::recording();
        samples::count(&mut recording, "mmap-load", "copied_to_user_bytes").value = Some(4_096);
        samples::scenario(&mut recording, "read-4k").rounds = 0;
        recording.claims = judge(&file, &recording);
        let mut sheet = Sheet::new(Style::Plain);
        write(&mut sheet, &recording);
        assert_eq!(
            sheet.into_text(),
            "What the lesson says
unobservable: this machine or this run cannot decide the sentence; the reason is
given below it
- unobservable  read(2) copies every byte of a file that is already in memory.
                in read-4k: the scenario read-4k was not finished
x FAILS         A load through a mapping copies nothing.
                in mmap-load: copied_to_user_bytes == 0
                  expected == 0
                  observed 4,096
                see section \"Look\" of the lesson: cargo xtask read lesson-3
. by source     Somebody measured this elsewhere.
                source: a book

0 hold, 1 fail, 1 unobservable, 1 by source
"
        );
    }
}
