//! `lesson.toml`: what a lesson promises. Reading it proves that everything in it can be judged.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    chart::{Chart, RawChart},
    claim::{Claim, RawClaim},
    prediction::{Prediction, RawPrediction},
    validate::{self, Problems},
};
use crate::metrics::Metric;
use crate::{
    course::expression::{
        names::{Name, Quantity},
        tree::Expectation,
    },
    text::size,
};

/// A lesson's promises, read and proven consistent.
#[derive(Clone, Debug)]
pub struct LessonFile {
    /// What it is.
    pub lesson: Lesson,
    /// What the terminal shows first.
    pub tables: Vec<Table>,
    /// What it draws below the tables.
    pub charts: Vec<Chart>,
    /// Its scenarios. `null` exists in every lesson and need not be among them.
    pub scenarios: Vec<Scenario>,
    /// Its sentences.
    pub claims: Vec<Claim>,
    /// What it asks before it is run.
    pub predictions: Vec<Prediction>,
    /// Claims of the notes that it owns.
    pub notes: Vec<Note>,
    /// Why its counts differ between kernels.
    pub differences: Vec<Difference>,
}

/// `[lesson]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Also the name of its binary.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// What a programmer would ask.
    pub question: String,
    /// How long a student needs.
    pub minutes: u32,
    /// Default size of its data, as people write it.
    pub size: String,
    /// File systems on which every check can be decided; any, if there is none.
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
}

/// `[[scenario]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, as the lesson's code has it.
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
    /// Scenarios; all of them, if there is none.
    #[serde(default)]
    pub scenarios: Vec<String>,
    /// Why, in one sentence.
    pub because: String,
    /// Heading of the section that explains it.
    pub section: String,
}

/// `[[note]]`: a claim of the notes, in our words.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// Its number.
    pub claim: u32,
    /// What it says.
    pub says: String,
    /// What it is worth.
    pub verdict: NoteVerdict,
    /// The right sentence, where it is not true as it stands.
    pub right: Option<String>,
}

/// What a claim of the notes is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteVerdict {
    /// True as it stands.
    True,
    /// True under a condition that it does not name.
    Conditional,
    /// True in spirit, wrong to the letter.
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

/// Why a text is no lesson.
#[derive(Debug, Error)]
pub enum LessonFileError {
    /// It is no TOML of this shape.
    #[error(transparent)]
    Toml(#[from] toml::de::Error),
    /// Its parts do not fit together.
    #[error("{0}")]
    Wrong(Problems),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    lesson: Lesson,
    #[serde(default)]
    table: Vec<RawTable>,
    #[serde(default)]
    chart: Vec<RawChart>,
    #[serde(default)]
    scenario: Vec<Scenario>,
    #[serde(default)]
    claim: Vec<RawClaim>,
    #[serde(default)]
    prediction: Vec<RawPrediction>,
    #[serde(default)]
    note: Vec<Note>,
    #[serde(default)]
    difference: Vec<Difference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTable {
    title: String,
    scenarios: Vec<String>,
    rows: Vec<String>,
}

impl LessonFile {
    /// Reads a `lesson.toml`; the error lists everything that is wrong with it.
    pub fn parse(text: &str) -> Result<LessonFile, LessonFileError> {
        let raw: RawFile = toml::from_str(text)?;
        let mut problems = Problems::default();
        let file = LessonFile {
            lesson: raw.lesson,
            tables: raw
                .table
                .into_iter()
                .map(|table| table.read(&mut problems))
                .collect(),
            charts: raw
                .chart
                .into_iter()
                .filter_map(|chart| chart.read(&mut problems))
                .collect(),
            scenarios: raw.scenario,
            claims: raw
                .claim
                .into_iter()
                .map(|claim| claim.read(&mut problems))
                .collect(),
            predictions: raw
                .prediction
                .into_iter()
                .filter_map(|prediction| prediction.read(&mut problems))
                .collect(),
            notes: raw.note,
            differences: raw.difference,
        };
        validate::file(&file, &mut problems);
        if problems.is_empty() {
            Ok(file)
        } else {
            Err(LessonFileError::Wrong(problems))
        }
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

impl RawTable {
    fn read(self, problems: &mut Problems) -> Table {
        let place = format!("table {:?}, rows", self.title);
        let mut rows = Vec::new();
        for text in &self.rows {
            match Name::parse(text) {
                Ok(name) if name.scenario.is_none() && name.quantity.is_of_scenario() => {
                    rows.push(name);
                }
                Ok(_) => problems.add(&place, format!("{text} is not of the column's scenario")),
                Err(problem) => problems.add(&place, problem),
            }
        }
        Table {
            title: self.title,
            scenarios: self.scenarios,
            rows,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{course::samples::LESSON, metrics::Grade, record::Basis};

    fn error(text: &str) -> String {
        LessonFile::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_whole_file_is_read_with_its_expressions() {
        let file = LessonFile::parse(LESSON).unwrap();
        assert_eq!(file.size_bytes().unwrap(), 64 << 20);
        assert_eq!(file.tables[0].rows.len(), 4);
        let claim = &file.claims[0];
        assert_eq!(
            (claim.basis, claim.least),
            (Basis::Counted, Grade::Inferred)
        );
        assert_eq!(claim.checks[0].needs.len(), 1);
        assert_eq!(file.notes[0].verdict, NoteVerdict::Conditional);
    }

    #[test]
    fn what_a_lesson_wants_to_know_stands_in_its_checks() {
        let file = |text: &str| LessonFile::parse(text).unwrap();
        assert!(!file(LESSON).names(Metric::CpuSamples));
        assert!(file(LESSON).names(Metric::CopiedToUser));
        let sampled = LESSON.replace(
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"cpu_samples.copying == 0\"",
        );
        assert!(file(&sampled).names(Metric::CpuSamples));
    }

    #[test]
    fn every_problem_is_listed_with_claim_and_field() {
        let text = LESSON
            .replace(
                "expect = \"copied_to_user_bytes == 0\"",
                "expect = \"copied_to_user_byte == 0\"",
            )
            .replace("needs = [\"observed.", "needs = [\"observd.");
        let error = error(&text);
        assert!(
            error.contains(
                "claim read-copies-every-byte, check 1, needs: \"observd.resident_pages_before == \
                 work.bytes / machine.page_bytes\", column 1: nothing is called observd"
            ),
            "{error}"
        );
        assert!(
            error.contains("claim load-copies-nothing, check 1, expect: ")
                && error.contains("did you mean copied_to_user_bytes?"),
            "{error}"
        );
    }

    /// A line of the small lesson, what it becomes, and what the error then says.
    const MISFITS: [(&str, &str, &str); 15] = [
        (
            "id = \"load-copies-nothing\"",
            "id = \"read-copies-every-byte\"",
            "there are two",
        ),
        (
            "name = \"mmap-load\"",
            "name = \"read-4k\"",
            "scenario read-4k: there are two",
        ),
        (
            "scenarios = [\"mmap-load\"]",
            "scenarios = [\"mmap-lod\"]",
            "check 1, scenarios: no scenario mmap-lod; did you mean mmap-load?",
        ),
        (
            "scenarios = [\"mmap-load\"]",
            "scenarios = []",
            "there is none",
        ),
        (
            "== 0\"",
            "== read-8k:syscalls\"",
            "check 1, expect: no scenario read-8k",
        ),
        (
            "\"faults\", ",
            "\"machine.page_bytes\", ",
            "rows: machine.page_bytes is not",
        ),
        (
            "\"faults\", ",
            "\"falts\", ",
            "rows: nothing is called falts",
        ),
        ("size = \"64MiB\"", "size = \"64 MB\"", "lesson, size: "),
        ("size = \"64MiB\"", "size = \"0\"", "lesson, size: "),
        ("id = \"lesson-3\"", "id = \"../lesson-3\"", "lesson, id: "),
        ("source = \"a book\"", "", "has no source"),
        (
            "right = \"one copy\"",
            "",
            "note 2: its verdict is not true, so it needs the right sentence",
        ),
        (
            "basis = \"source\"",
            "basis = \"counted\"",
            "neither a check nor",
        ),
        (
            "expect = \"copied_to_user_bytes == 0\"",
            "expect = \"cpu_us == 0\"",
            "cpu_us == 0: only what a timed claim expects can name cpu_us",
        ),
        (
            "section = \"Explain\"",
            "section = \"\"",
            "section: it is empty",
        ),
    ];

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (old, new, problem) in MISFITS {
            let changed = LESSON.replacen(old, new, 1);
            assert_ne!(changed, LESSON, "{old}");
            let error = error(&changed);
            assert!(error.contains(problem), "{old} -> {new}: {error}");
        }
    }

    #[test]
    fn unknown_fields_and_words_are_refused_with_their_line() {
        for (old, new) in [
            ("minutes", "minute"),
            ("basis = \"source\"", "basis = \"guess\""),
        ] {
            let error = error(&LESSON.replace(old, new));
            assert!(error.contains("line "), "{error}");
        }
    }
}
