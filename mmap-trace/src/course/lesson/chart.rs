//! `[[chart]]`: one quantity over a row of scenarios, for two or more ways to do the work.

use serde::Deserialize;

use super::problems::Problems;
use crate::course::expression::{scope::Scope, tree::Side};

/// A reader tells this many marks apart in one line.
const MOST_SERIES: usize = 4;

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// Its heading, with the unit.
    pub title: String,
    /// What is drawn of each scenario.
    pub value: Side,
    /// What the scenarios of a series stand for, in order: sizes, counts, lengths.
    pub labels: Vec<String>,
    /// What is compared.
    pub series: Vec<Series>,
    /// Heading of the section that talks about it.
    pub section: String,
}

/// One way to do the work, over all labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Series {
    /// Its name; no two begin with the same letter, by which they are drawn.
    pub name: String,
    /// A scenario for each label; one that ends earlier has fewer.
    pub scenarios: Vec<String>,
}

/// `[[chart]]` as it is in the file, before its expressions are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChart {
    title: String,
    value: String,
    labels: Vec<String>,
    series: Vec<Series>,
    section: String,
}

impl Chart {
    /// Every scenario in it.
    pub fn scenarios(&self) -> impl Iterator<Item = &str> {
        let all = self.series.iter().flat_map(|series| &series.scenarios);
        all.map(String::as_str)
    }
}

impl RawChart {
    /// Reads the expression; whatever is wrong goes into `problems`.
    pub(super) fn read(self, scope: &Scope, problems: &mut Problems) -> Option<Chart> {
        let place = format!("chart {:?}", self.title);
        problems.require_text(&self.title, &format!("{place}, title"));
        problems.require_text(&self.section, &format!("{place}, section"));
        for label in &self.labels {
            problems.require_text(label, &format!("{place}, labels"));
        }
        if !(1..=MOST_SERIES).contains(&self.series.len()) {
            problems.add(&place, format!("it needs 1 to {MOST_SERIES} series"));
        }
        let mut marks = Vec::new();
        for series in &self.series {
            let place = format!("{place}, series {}", series.name);
            problems.require_name(&series.name, &place);
            let mark = series.name.chars().next();
            if marks.contains(&mark) {
                problems.add(&place, "another one begins with the same letter");
            }
            marks.push(mark);
            if !(1..=self.labels.len()).contains(&series.scenarios.len()) {
                problems.add(
                    &place,
                    "it needs one scenario for each label, from the first on",
                );
            }
        }
        let value = Side::parse(&self.value, scope);
        let value = problems.value(&format!("{place}, value"), value)?;
        Some(Chart {
            title: self.title,
            value,
            labels: self.labels,
            series: self.series,
            section: self.section,
        })
    }
}
