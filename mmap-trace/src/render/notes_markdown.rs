//! Writes the claims of the mmap notes as a markdown table, followed by their evidence, to hand in.

use std::fmt::Write as _;

use super::{
    notes::{INTRODUCTION, grounds, outcome, summary},
    text::escape,
};
use crate::course::notes::{Ledger, NoteEntry};

#[must_use]
pub fn render(ledger: &Ledger) -> String {
    let mut text = format!("# What the mmap notes claim\n\n{INTRODUCTION}\n\n");
    if !ledger.kernels.is_empty() {
        let _ = writeln!(text, "Linux {}.\n", cell(&ledger.kernels.join(", ")));
    }
    text += "| # | claim | verdict | here | lessons | right |\n|--:|---|---|---|---|---|\n";
    for entry in &ledger.claims {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} |",
            entry.claim,
            cell(entry.says.as_deref().unwrap_or_default()),
            entry.verdict.map_or("", |verdict| verdict.name()),
            outcome(entry.outcome).1,
            entry.lessons.join(", "),
            cell(entry.right.as_deref().unwrap_or_default()),
        );
    }
    let _ = writeln!(text, "\n{}.", summary(ledger));
    let with_evidence = ledger.claims.iter().filter(|it| !it.evidence.is_empty());
    for entry in with_evidence {
        evidence(&mut text, entry);
    }
    text
}

fn evidence(text: &mut String, entry: &NoteEntry) {
    let _ = writeln!(text, "\n## Claim {}\n", entry.claim);
    for evidence in &entry.evidence {
        let reason = evidence.reason.as_ref();
        let _ = writeln!(
            text,
            "- {} ({}, {}): {}{}",
            cell(&evidence.sentence),
            evidence.lesson,
            evidence.state.name(),
            cell(&grounds(evidence)),
            reason.map_or(String::new(), |reason| format!("; {}", cell(reason))),
        );
    }
}

/// Makes a text fit for a cell: one line, and no bar that would end the cell.
fn cell(text: &str) -> String {
    escape(text).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::{lesson::file::LessonFile, notes::ledger, samples};

    #[test]
    fn every_claim_is_a_row_and_a_bar_does_not_break_it() {
        let toml = samples::LESSON.replace("mmap saves a copy", "one | two");
        let file = LessonFile::parse(&toml).unwrap();
        let text = render(&ledger(&[file], &[]).unwrap());
        assert!(text.contains("| 2 | one \\| two | conditional | not run | lesson-3 | one copy |"));
        assert_eq!(
            text.lines().filter(|line| line.starts_with("| ")).count(),
            45
        );
    }
}
