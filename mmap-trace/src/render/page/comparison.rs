//! The page of a comparison of kernels.

use askama::Template;

use super::{counts::Figure, words::words};
use crate::{
    course::compare::{Comparison, CountRow},
    record::Verdict,
    render::{compare, header, legend::label, rows::Line},
    text::number::thousands,
};

#[derive(Template)]
#[template(path = "comparison.html")]
pub(super) struct ComparisonPage<'a> {
    comparison: &'a Comparison,
    /// What differs, with its explanation.
    differences: Vec<DifferenceRow<'a>>,
    verdicts: Vec<Verdicts<'a>>,
    all_counts: Vec<Figure>,
    machines: Vec<(&'a str, &'a str, String)>,
}

struct DifferenceRow<'a> {
    scenario: &'a str,
    label: &'a str,
    numbers: Vec<String>,
    because: Option<&'a str>,
    section: &'a str,
}

struct Verdicts<'a> {
    text: &'a str,
    words: Vec<&'static str>,
}

impl<'a> ComparisonPage<'a> {
    pub(super) fn of(comparison: &'a Comparison) -> ComparisonPage<'a> {
        let differ = comparison.counts.iter().filter(|row| row.differs);
        let claims = comparison.claims.iter();
        let kernels = comparison.kernels.iter().zip(&comparison.machines);
        ComparisonPage {
            comparison,
            differences: differ.map(|row| difference(comparison, row)).collect(),
            verdicts: claims
                .map(|claim| Verdicts {
                    text: &claim.text,
                    words: claim.verdicts.iter().map(|it| word(*it)).collect(),
                })
                .collect(),
            all_counts: all_counts(comparison),
            machines: kernels
                .map(|(kernel, machine)| {
                    (&**kernel, &*machine.file_system, header::windows(machine))
                })
                .collect(),
        }
    }
}

fn difference<'a>(comparison: &'a Comparison, row: &'a CountRow) -> DifferenceRow<'a> {
    let reason = row.reason.and_then(|number| comparison.reasons.get(number));
    DifferenceRow {
        scenario: &row.scenario,
        label: label(&row.count),
        numbers: numbers(row),
        because: reason.map(|it| &*it.because),
        section: reason.map_or("", |it| &it.section),
    }
}

fn numbers(row: &CountRow) -> Vec<String> {
    let text = |value: &Option<u64>| value.map_or("n/a".to_owned(), thousands);
    row.values.iter().map(text).collect()
}

fn all_counts(comparison: &Comparison) -> Vec<Figure> {
    let scenarios = compare::scenarios(comparison);
    let table = |(number, scenario): (usize, &str)| {
        let rows = comparison
            .counts
            .iter()
            .filter(|it| it.scenario == scenario);
        let lines = rows.map(|row| Line {
            label: label(&row.count).to_owned(),
            cells: numbers(row),
        });
        let anchor = format!("numbers-{}", number + 1);
        Figure::new(scenario, anchor, &comparison.kernels, &[lines.collect()])
    };
    scenarios.into_iter().enumerate().map(table).collect()
}

const fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Holds) => "✓ holds",
        Some(Verdict::Fails) => "✗ fails",
        Some(Verdict::Unobservable) => "– unobservable",
        None => "not judged",
    }
}
