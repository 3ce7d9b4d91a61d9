//! Draws the claims of the mmap notes as a list for a terminal.

use super::{
    Detail, Style,
    sheet::{Sheet, Tone},
};
use crate::{
    course::notes::{Evidence, Ledger, NoteEntry, Outcome, State},
    record::Basis,
};

/// Column in which text begins, after the number of a claim.
const INDENT: usize = 5;
/// Column in which a sentence of a lesson begins, after its mark.
const EVIDENCE_INDENT: usize = 9;
/// What the mmap notes are, where a screen first mentions them.
pub(super) const INTRODUCTION: &str = "The mmap notes are teaching notes about mmap, some of them wrong; the lessons \
    of this course check each of their claims.";
/// What "not decided" means, where a screen first uses it.
const UNDECIDED: &str = "not decided: a sentence that settles the claim is unobservable, which means that this \
    machine or this run cannot decide it; the reason is given below it";

#[must_use]
pub fn render(ledger: &Ledger, style: Style, detail: Detail) -> String {
    let mut sheet = Sheet::new(style);
    let title = match &ledger.kernels[..] {
        [] => "What the mmap notes claim".to_owned(),
        kernels => format!("What the mmap notes claim, on Linux {}", kernels.join(", ")),
    };
    sheet.paragraph(Tone::Strong, 0, &title);
    sheet.paragraph(Tone::Faint, 0, INTRODUCTION);
    let is_undecided = |entry: &NoteEntry| entry.outcome == Outcome::Undecided;
    if ledger.claims.iter().any(is_undecided) {
        sheet.paragraph(Tone::Faint, 0, UNDECIDED);
    }
    for entry in &ledger.claims {
        sheet.blank();
        write(&mut sheet, entry, detail);
    }
    sheet.blank();
    sheet.line(Tone::Strong, &summary(ledger));
    sheet.into_text()
}

fn write(sheet: &mut Sheet, entry: &NoteEntry, detail: Detail) {
    let number = format!("{:>3}", entry.claim);
    let Some(says) = &entry.says else {
        sheet.marked(
            Tone::Faint,
            &number,
            INDENT,
            "no lesson of this build checks it",
        );
        return;
    };
    sheet.marked(Tone::Strong, &number, INDENT, says);
    let verdict = entry.verdict.map_or("", |verdict| verdict.name());
    let (tone, outcome) = outcome(entry.outcome);
    let text = format!("{verdict}; {outcome} ({})", entry.lessons.join(", "));
    sheet.paragraph(tone, INDENT, &text);
    if let Some(right) = &entry.right {
        sheet.paragraph(Tone::Plain, INDENT, &format!("Right: {right}"));
    }
    for evidence in &entry.evidence {
        if detail == Detail::All || evidence.state != State::NotRun {
            self::evidence(sheet, evidence, detail);
        }
    }
}

/// What the checks say about the verdict.
pub(super) const fn outcome(outcome: Outcome) -> (Tone, &'static str) {
    match outcome {
        Outcome::Confirmed => (Tone::Good, "confirmed here"),
        Outcome::Contradicted => (Tone::Bad, "CONTRADICTED here"),
        Outcome::Undecided => (Tone::Doubtful, "not decided here"),
        Outcome::BySource => (Tone::Faint, "by source"),
        Outcome::NotRun => (Tone::Faint, "not run"),
        Outcome::NoLesson => (Tone::Faint, "no lesson"),
    }
}

fn evidence(sheet: &mut Sheet, evidence: &Evidence, detail: Detail) {
    let (tone, mark) = match evidence.state {
        State::Holds => (Tone::Good, "+"),
        State::Fails => (Tone::Bad, "x"),
        State::Unobservable => (Tone::Doubtful, "-"),
        State::BySource | State::NotRun => (Tone::Faint, "."),
    };
    let mark = format!("{:>indent$}", mark, indent = EVIDENCE_INDENT - 2);
    if detail == Detail::All {
        let text = format!("{}: {}", evidence.lesson, evidence.sentence);
        sheet.marked(tone, &mark, EVIDENCE_INDENT, &text);
        sheet.paragraph(Tone::Faint, EVIDENCE_INDENT, &grounds(evidence));
    } else {
        let text = format!("{}: {}", evidence.lesson, grounds(evidence));
        sheet.marked(tone, &mark, EVIDENCE_INDENT, &text);
    }
    if let Some(reason) = &evidence.reason {
        sheet.paragraph(Tone::Plain, EVIDENCE_INDENT, reason);
    }
}

/// What a sentence rests on: scenario, expectation and number, basis, grade.
pub(super) fn grounds(evidence: &Evidence) -> String {
    let mut parts = Vec::new();
    if let (Some(scenario), Some(expect)) = (&evidence.scenario, &evidence.expect) {
        let numbers = match (&evidence.observed, &evidence.expected) {
            (Some(observed), Some(expected)) => {
                // Of `== 8,192  (work.bytes)`, the expectation already has the words.
                let expected = expected.split("  (").next().unwrap_or(expected);
                match expected.strip_prefix("== ") {
                    Some(same) if same == observed => format!(", which is {observed}"),
                    _ => format!(", which is {observed} {expected}"),
                }
            }
            _ => String::new(),
        };
        parts.push(format!("{scenario}: {expect}{numbers}"));
    }
    let basis = basis(evidence);
    parts.push(match evidence.grade {
        Some(grade) if grade.name() != basis => format!("{basis}, {}", grade.name()),
        _ => basis.to_owned(),
    });
    parts.join("; ")
}

fn basis(evidence: &Evidence) -> &'static str {
    match evidence.basis {
        Basis::Counted => "counted",
        Basis::Observed => "observed",
        Basis::Timed => "timed",
        Basis::Source => "source",
    }
}

/// How many claims of each kind there are; kinds without any are left out.
pub(super) fn summary(ledger: &Ledger) -> String {
    let kinds = [
        (Outcome::Confirmed, "confirmed"),
        (Outcome::Contradicted, "contradicted"),
        (Outcome::Undecided, "not decided"),
        (Outcome::BySource, "by source"),
        (Outcome::NotRun, "not run"),
        (Outcome::NoLesson, "without a lesson"),
    ];
    let counts: Vec<String> = kinds
        .iter()
        .map(|(kind, name)| {
            let of_kind = ledger.claims.iter().filter(|it| it.outcome == *kind);
            (of_kind.count(), name)
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    format!("{} claims: {}", ledger.claims.len(), counts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{judge::claims::judge, lesson::file::LessonFile, notes::ledger, samples},
        render::text::{WIDTH, width},
    };

    #[test]
    fn a_claim_shows_its_verdict_the_right_sentence_and_the_count_that_decides() {
        let file = LessonFile::parse(samples::LESSON).unwrap();
        let mut recording = samples::recording();
        recording.claims = judge(&file, &recording);
        let ledger = ledger(&[file], &[recording]).unwrap();
        let text = render(&ledger, Style::Plain, Detail::Chosen);
        for part in [
            "  2  mmap saves a copy\n     conditional; confirmed here (lesson-3)\n     Right: one copy\n",
            "+  lesson-3: read-4k: copied_to_user_bytes == work.bytes, which is\n         67,108,864",
            "44  no lesson of this build checks it",
            "44 claims: 1 confirmed, 43 without a lesson",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(text.lines().all(|line| width(line) <= WIDTH), "{text}");
    }
}
