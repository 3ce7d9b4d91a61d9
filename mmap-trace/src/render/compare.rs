//! Draws a comparison of kernels: what was counted on each, what differs, and why.

use super::{
    Style, grid,
    header::windows,
    legend::label,
    rows::Line,
    sheet::{Sheet, Tone},
};
use crate::text::number::thousands;
use crate::{
    course::compare::{Comparison, CountRow},
    record::Verdict,
};

/// After the label of a count that differs; a number after it refers to the explanation.
const DIFFERS: &str = "*";

#[must_use]
pub fn render(comparison: &Comparison, style: Style) -> String {
    let mut sheet = Sheet::new(style);
    let title = format!(
        "{} on {} kernels",
        comparison.lesson,
        comparison.kernels.len()
    );
    sheet.paragraph(Tone::Strong, 0, &title);
    sheet.blank();
    let versions: Vec<&str> = comparison.kernels.iter().map(|it| version(it)).collect();
    let are_distinct = versions
        .iter()
        .enumerate()
        .all(|(position, version)| !versions[..position].contains(version));
    let headings: Vec<&str> = if are_distinct {
        versions
    } else {
        comparison.kernels.iter().map(String::as_str).collect()
    };
    for (heading, machine) in headings.iter().zip(&comparison.machines) {
        let text = format!("{}; {}", machine.kernel, windows(machine));
        sheet.listed(Tone::Faint, heading, &text);
    }
    sheet.blank();
    for scenario in scenarios(comparison) {
        sheet.line(Tone::Strong, scenario);
        let lines: Vec<Line> = comparison
            .counts
            .iter()
            .filter(|row| row.scenario == scenario)
            .map(line)
            .collect();
        for block in grid::blocks(&headings, &[lines]) {
            for text in block.heading.iter().chain(&block.body) {
                sheet.line(Tone::Plain, text);
            }
            sheet.blank();
        }
    }
    reasons(&mut sheet, comparison);
    missing(&mut sheet, comparison);
    claims(&mut sheet, comparison);
    sheet.into_text()
}

/// Cuts `6.12.117+deb12-cloud-amd64` to `6.12.117`.
fn version(kernel: &str) -> &str {
    let end = kernel.find(|it: char| !it.is_ascii_digit() && it != '.');
    kernel.get(..end.unwrap_or(kernel.len())).unwrap_or(kernel)
}

pub(super) fn scenarios(comparison: &Comparison) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for row in &comparison.counts {
        if !found.contains(&row.scenario.as_str()) {
            found.push(&row.scenario);
        }
    }
    found
}

fn line(row: &CountRow) -> Line {
    let mark = match (row.differs, row.reason) {
        (false, _) => String::new(),
        (true, None) => format!(" {DIFFERS}"),
        (true, Some(number)) => format!(" {DIFFERS}{}", number + 1),
    };
    Line {
        label: format!("{}{mark}", label(&row.count)),
        cells: row
            .values
            .iter()
            .map(|value| value.map_or("n/a".to_owned(), thousands))
            .collect(),
    }
}

fn reasons(sheet: &mut Sheet, comparison: &Comparison) {
    let differ = comparison.counts.iter().filter(|row| row.differs);
    let (differ, unexplained) = differ.fold((0, 0), |(all, without), row| {
        (all + 1, without + usize::from(row.reason.is_none()))
    });
    if differ == 0 {
        sheet.line(Tone::Strong, "No count differs");
        return;
    }
    let counts = if differ == 1 {
        "count differs"
    } else {
        "counts differ"
    };
    sheet.line(Tone::Strong, &format!("{differ} {counts}"));
    for (number, reason) in comparison.reasons.iter().enumerate() {
        let text = format!(
            "{} See section \"{}\": cargo xtask read {}",
            reason.because, reason.section, comparison.lesson
        );
        sheet.listed(Tone::Faint, &format!("{DIFFERS}{}", number + 1), &text);
    }
    if unexplained > 0 {
        let text = format!("the lesson does not say why ({unexplained})");
        sheet.listed(Tone::Doubtful, DIFFERS, &text);
    }
}

/// Writes why kernels have no number; those with the same reason share a line.
fn missing(sheet: &mut Sheet, comparison: &Comparison) {
    let mut lines: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for one in &comparison.missing {
        let same = lines
            .iter_mut()
            .find(|(count, reason, _)| (*count, *reason) == (&*one.count, &*one.reason));
        match same {
            Some((_, _, kernels)) => kernels.push(&one.kernel),
            None => lines.push((&one.count, &one.reason, vec![&one.kernel])),
        }
    }
    if lines.is_empty() {
        return;
    }
    sheet.blank();
    sheet.line(Tone::Strong, "Not counted (n/a)");
    for (count, reason, kernels) in lines {
        let text = format!("on {}: {reason}", kernels.join(", "));
        sheet.listed(Tone::Faint, label(count), &text);
    }
}

fn claims(sheet: &mut Sheet, comparison: &Comparison) {
    sheet.blank();
    if comparison.claims.is_empty() {
        sheet.line(Tone::Strong, "Every claim has the same verdict everywhere");
        return;
    }
    sheet.line(Tone::Strong, "Claims whose verdict differs");
    for claim in &comparison.claims {
        let verdicts: Vec<String> = comparison
            .kernels
            .iter()
            .zip(&claim.verdicts)
            .map(|(kernel, verdict)| format!("{kernel} {}", word(*verdict)))
            .collect();
        sheet.listed(Tone::Doubtful, &claim.text, &verdicts.join(", "));
    }
}

fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Holds) => "holds",
        Some(Verdict::Fails) => "FAILS",
        Some(Verdict::Unobservable) => "unobservable",
        None => "not judged",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::{
            compare::compare,
            samples::{count, recording},
        },
        render::text::{WIDTH, width},
    };

    #[test]
    fn differing_counts_are_marked_and_every_line_fits() {
        let mut other = recording();
        other.machine.kernel = "6.1.0-56-cloud-amd64".to_owned();
        count(&mut other, "mmap-load", "faults").value = Some(17);
        let comparison = compare(&[recording(), other], None).unwrap();
        let text = render(&comparison, Style::Plain);
        assert!(text.contains("page faults *"), "{text}");
        assert!(text.contains("1 count differs") && text.contains("does not say why (1)"));
        assert!(text.lines().all(|line| width(line) <= WIDTH), "{text}");
    }
}
