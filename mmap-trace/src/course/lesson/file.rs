//! What a lesson promises: the parts of `lesson.toml`, read and found consistent.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use super::{chart::Chart, claim::Claim, prediction::Prediction};
use crate::{
    course::expression::{
        names::{Name, Quantity},
        tree::Expectation,
    },
    metrics::Metric,
    text::{nearest::did_you_mean, size},
};

/// A lesson's promises, read and found consistent.
#[derive(Clone, Debug)]
pub struct LessonFile {
    /// Its name, question and size.
    pub lesson: Lesson,
    /// Tables that the terminal shows first.
    pub tables: Vec<Table>,
    /// Charts below the tables.
    pub charts: Vec<Chart>,
    /// What it observes itself, by name, each in one sentence.
    pub observations: BTreeMap<String, String>,
    /// Its scenarios. `null` exists in every lesson and need not be among them.
    pub scenarios: Vec<Scenario>,
    /// Its sentences.
    pub claims: Vec<Claim>,
    /// Questions before the run.
    pub predictions: Vec<Prediction>,
    /// Claims of the mmap notes that it owns.
    pub notes: Vec<Note>,
    /// Why its counts differ between kernels.
    pub differences: Vec<Difference>,
}

/// `[lesson]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Its name, and that of its binary.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// The question of a programmer that it answers.
    pub question: String,
    /// Minutes that a student needs.
    pub minutes: u32,
    /// Default size of its data, as written in `lesson.toml`.
    pub size: String,
    /// File systems that its sentences are about; empty means all.
    #[serde(default)]
    pub file_systems: Vec<String>,
}

/// `[[table]]`
#[derive(Clone, Debug)]
pub struct Table {
    /// Its heading.
    pub title: String,
    /// Columns.
    pub scenarios: Vec<String>,
    /// Lines that matter for the lesson.
    pub rows: Vec<Name>,
    /// Heading of the section that talks about it.
    pub section: String,
}

/// `[[scenario]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, the same as in the lesson's code.
    pub name: String,
    /// What it does, in one sentence.
    pub about: String,
}

/// `[[difference]]`: why counts of a lesson differ between kernels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// Keys of the metrics.
    pub counts: Vec<String>,
    /// Scenarios; empty means all.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// The explanation, in one sentence.
    pub because: String,
    /// Heading of the section that explains it.
    pub section: String,
}

/// `[[note]]`: a claim of the mmap notes, in the course's words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Its number.
    pub claim: u32,
    /// What it says.
    pub says: String,
    /// Whether it is true.
    pub verdict: NoteVerdict,
    /// The right sentence, if it is not true as it stands.
    pub right: Option<String>,
}

/// Whether a claim of the mmap notes is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteVerdict {
    /// True as it stands.
    True,
    /// True under a condition that it does not name.
    Conditional,
    /// True in substance, wrong in its wording.
    Loose,
    /// Wrong.
    Wrong,
    /// Nothing here can decide it.
    Unsourced,
}

impl NoteVerdict {
    /// Its name in outputs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            NoteVerdict::True => "true",
            NoteVerdict::Conditional => "conditional",
            NoteVerdict::Loose => "loose",
            NoteVerdict::Wrong => "wrong",
            NoteVerdict::Unsourced => "unsourced",
        }
    }
}

impl LessonFile {
    /// Refuses the name of a scenario that the lesson does not have; every lesson has `null`.
    pub fn require_scenario(&self, name: &str) -> Result<(), String> {
        let known = self.scenarios.iter().map(|scenario| scenario.name.as_str());
        if name == "null" || known.clone().any(|scenario| scenario == name) {
            return Ok(());
        }
        Err(format!(
            "{} has no scenario {name}{}; it has {}",
            self.lesson.id,
            did_you_mean(name, known.clone()),
            known.collect::<Vec<_>>().join(", ")
        ))
    }

    /// Whether a table, a chart or a check wants to know this metric.
    #[must_use]
    pub fn names(&self, wanted: Metric) -> bool {
        let rows = self.tables.iter().flat_map(|table| &table.rows);
        let drawn = self.charts.iter().flat_map(|chart| chart.value.names());
        let checks = self.claims.iter().flat_map(|claim| &claim.checks);
        let asked = checks
            .flat_map(|check| std::iter::once(&check.expect).chain(&check.needs))
            .flat_map(Expectation::names);
        rows.chain(drawn)
            .chain(asked)
            .any(|name| matches!(name.quantity, Quantity::Count { metric, .. } if metric == wanted))
    }

    /// Default size of the lesson's data.
    pub fn size_bytes(&self) -> anyhow::Result<u64> {
        size::parse(&self.lesson.size)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("size of {}", self.lesson.id))
    }
}
