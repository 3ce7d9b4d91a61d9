//! The files of the course, read. Of a `lesson.toml` only what is asked here: the tracer refuses the rest.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use toml::Spanned;

use super::{finding::Findings, text::Text};
use crate::course::catalog::{Lesson, all};

/// A value that knows where it stands.
pub(super) type Placed<T = String> = Spanned<T>;

#[derive(Debug, Deserialize)]
pub(super) struct LessonFile {
    pub(super) lesson: Header,
    #[serde(rename = "table", default)]
    pub(super) tables: Vec<Table>,
    #[serde(rename = "scenario", default)]
    pub(super) scenarios: Vec<Scenario>,
    #[serde(rename = "claim", default)]
    pub(super) claims: Vec<Claim>,
    #[serde(rename = "note", default)]
    pub(super) notes: Vec<Note>,
    #[serde(rename = "difference", default)]
    pub(super) differences: Vec<Difference>,
    #[serde(rename = "prediction", default)]
    pub(super) predictions: Vec<Prediction>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub(super) id: Placed,
    pub(super) title: String,
    pub(super) minutes: Placed<u32>,
    pub(super) size: Placed,
}

#[derive(Debug, Deserialize)]
pub(super) struct Table {
    pub(super) title: Placed,
    pub(super) scenarios: Vec<String>,
    pub(super) rows: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Scenario {
    pub(super) name: Placed,
}

#[derive(Debug, Deserialize)]
pub(super) struct Claim {
    pub(super) sentence: Placed,
    pub(super) section: Placed,
    pub(super) settles: Placed<Vec<u32>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Note {
    pub(super) claim: Placed<u32>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Difference {
    pub(super) counts: Vec<String>,
    #[serde(default)]
    pub(super) scenarios: Vec<String>,
    pub(super) because: Placed,
    pub(super) section: Placed,
}

/// What is asked before the run.
#[derive(Debug, Deserialize)]
pub(super) struct Prediction {
    pub(super) question: Placed,
    pub(super) section: Placed,
}

/// A lesson's folder with its files read.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) number: u32,
    /// `03-read-vs-mmap`.
    pub(super) name: String,
    pub(super) file: LessonFile,
    pub(super) toml: String,
    pub(super) text: Text,
}

impl Folder {
    pub(super) fn new(number: u32, name: &str, toml: String, text: &str) -> Result<Self> {
        Ok(Self {
            number,
            name: name.to_owned(),
            file: toml::from_str(&toml).with_context(|| format!("parse({name}/lesson.toml)"))?,
            toml,
            text: Text::new(Path::new("lessons").join(name).join("README.md"), text),
        })
    }

    /// Adds a problem of `lesson.toml`, at this value.
    pub(super) fn blame<T>(&self, value: &Placed<T>, what: String, findings: &mut Findings) {
        let before = self.toml.get(..value.span().start).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        let file = Path::new("lessons").join(&self.name).join("lesson.toml");
        findings.add(&file, line, what);
    }
}

/// Everything that must fit together.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) root: PathBuf,
    pub(super) lessons: Vec<Folder>,
    /// The texts beside those of the lessons.
    pub(super) readme: Text,
    pub(super) syllabus: Text,
    /// `lessons/Cargo.toml`.
    pub(super) manifest: String,
    /// Counts that differed between kernels, one a line.
    pub(super) differences: String,
}

/// Where [`Course::differences`] stand.
pub(super) const DIFFERENCES: &str = "lessons/tests/fixtures/differences.tsv";

impl Course {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let file = |path: &str| {
            let path = root.join(path);
            fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))
        };
        let text = |path: &str| Ok::<_, anyhow::Error>(Text::new(path.into(), &file(path)?));
        let folder = |lesson: &Lesson| {
            let name = lesson.folder();
            let toml = file(&format!("lessons/{name}/lesson.toml"))?;
            let text = file(&format!("lessons/{name}/README.md"))?;
            Folder::new(lesson.number, &name, toml, &text)
        };
        Ok(Self {
            root: root.to_path_buf(),
            lessons: all()?.iter().map(folder).collect::<Result<_>>()?,
            readme: text("README.md")?,
            syllabus: text("lessons/README.md")?,
            manifest: file("lessons/Cargo.toml")?,
            differences: file(DIFFERENCES)?,
        })
    }
}
