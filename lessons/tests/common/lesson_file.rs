//! `lesson.toml` as the contract has it; anything else in it is an error.

#![allow(
    dead_code,
    reason = "what is not asked must still be there, and of the right type"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LessonFile {
    pub(crate) lesson: Header,
    #[serde(rename = "table")]
    pub(crate) tables: Vec<Table>,
    #[serde(rename = "chart", default)]
    pub(crate) charts: Vec<Chart>,
    #[serde(rename = "scenario")]
    pub(crate) scenarios: Vec<ScenarioEntry>,
    #[serde(rename = "claim")]
    pub(crate) claims: Vec<Claim>,
    #[serde(rename = "note")]
    pub(crate) notes: Vec<Note>,
    #[serde(rename = "prediction")]
    pub(crate) predictions: Vec<Prediction>,
    #[serde(rename = "difference", default)]
    pub(crate) differences: Vec<Difference>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    pub(crate) counts: Vec<String>,
    #[serde(default)]
    pub(crate) scenarios: Vec<String>,
    pub(crate) because: String,
    pub(crate) section: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) question: String,
    pub(crate) minutes: u32,
    pub(crate) size: String,
    pub(crate) file_systems: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) title: String,
    pub(crate) scenarios: Vec<String>,
    pub(crate) rows: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) value: String,
    pub(crate) labels: Vec<String>,
    pub(crate) series: Vec<Series>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) scenarios: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScenarioEntry {
    pub(crate) name: String,
    pub(crate) about: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    Sampled,
    Inferred,
    Witnessed,
    Counted,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Basis {
    Counted,
    Observed,
    Timed,
    Source,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Claim {
    pub(crate) id: String,
    pub(crate) sentence: String,
    pub(crate) settles: Vec<u32>,
    pub(crate) basis: Basis,
    pub(crate) section: String,
    pub(crate) source: Option<String>,
    pub(crate) grade: Option<Grade>,
    #[serde(rename = "check", default)]
    pub(crate) checks: Vec<Check>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Check {
    pub(crate) scenarios: Vec<String>,
    pub(crate) expect: String,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NoteVerdict {
    True,
    Conditional,
    Loose,
    Wrong,
    Unsourced,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) claim: u32,
    pub(crate) says: String,
    pub(crate) verdict: NoteVerdict,
    pub(crate) right: Option<String>,
}

/// What is asked before the run. Only the part that the text repeats: that it can be answered is
/// proven by the tracer's own reader.
#[derive(Debug, Deserialize)]
pub(crate) struct Prediction {
    pub(crate) id: String,
    pub(crate) question: String,
    pub(crate) section: String,
}

/// A lesson's folder with its files read.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(crate) name: String,
    pub(crate) file: LessonFile,
    pub(crate) text: String,
}

impl Folder {
    /// 3 of `03-read-vs-mmap`.
    pub(crate) fn number(&self) -> u32 {
        self.name[..2]
            .parse()
            .expect("folders begin with two digits")
    }

    pub(crate) fn scenario_names(&self) -> BTreeSet<&str> {
        self.file
            .scenarios
            .iter()
            .map(|scenario| scenario.name.as_str())
            .collect()
    }
}

pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every folder that begins with a digit, in order.
pub(crate) fn folders() -> Vec<Folder> {
    let entries = fs::read_dir(package()).expect("the package");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.retain(|path| {
        path.is_dir() && name_of(path).starts_with(|first: char| first.is_ascii_digit())
    });
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().map(|path| folder(path)).collect()
}

fn folder(path: &Path) -> Folder {
    let name = name_of(path);
    let read = |file: &str| {
        fs::read_to_string(path.join(file)).unwrap_or_else(|error| panic!("{name}/{file}: {error}"))
    };
    let file = toml::from_str(&read("lesson.toml"))
        .unwrap_or_else(|error| panic!("{name}/lesson.toml: {error}"));
    Folder {
        text: read("README.md"),
        name,
        file,
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned()
}
