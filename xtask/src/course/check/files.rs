//! Reads the files of the course.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use fs_err as fs;
use mmap_trace::course::lesson::file::LessonFile;

use super::{finding::Findings, rules::Rules, text::Text};
use crate::course::catalog::{Folder, all};

/// A lesson's folder with its files read.
#[derive(Debug)]
pub(super) struct Lesson {
    pub(super) folder: Folder,
    pub(super) file: LessonFile,
    pub(super) toml: String,
    pub(super) text: Text,
}

impl Lesson {
    pub(super) fn new(folder: Folder, toml: String, text: &str) -> Result<Self> {
        let name = folder.name();
        Ok(Self {
            file: LessonFile::parse(&toml).with_context(|| format!("parse({name}/lesson.toml)"))?,
            text: Text::new(Path::new("lessons").join(&name).join("README.md"), text),
            folder,
            toml,
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.file.lesson.id
    }

    /// Adds a problem of `lesson.toml`, at the first line that contains `value`.
    pub(super) fn blame(&self, value: &str, what: impl Into<String>, findings: &mut Findings) {
        let line = self.toml.lines().position(|line| line.contains(value));
        let file = Path::new("lessons")
            .join(self.folder.name())
            .join("lesson.toml");
        findings.add(&file, line.map_or(1, |line| line + 1), what);
    }
}

/// Everything that must fit together.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) root: PathBuf,
    pub(super) rules: Rules,
    pub(super) lessons: Vec<Lesson>,
    /// `README.md` of the repository.
    pub(super) readme: Text,
    /// `lessons/README.md`.
    pub(super) syllabus: Text,
    /// `lessons/Cargo.toml`.
    pub(super) manifest: String,
    /// [`DIFFERENCES`].
    pub(super) differences: String,
}

pub(super) const RULES: &str = "lessons/course.toml";

/// The counts that differed between kernels, one on each line.
pub(super) const DIFFERENCES: &str = "lessons/tests/fixtures/differences.tsv";

impl Course {
    pub(super) fn read(root: &Path) -> Result<Self> {
        let file = |path: &str| {
            let path = root.join(path);
            fs::read_to_string(&path)
        };
        let text = |path: &str| Ok::<_, anyhow::Error>(Text::new(path.into(), &file(path)?));
        let lesson = |folder: Folder| {
            let name = folder.name();
            let toml = file(&format!("lessons/{name}/lesson.toml"))?;
            let text = file(&format!("lessons/{name}/README.md"))?;
            Lesson::new(folder, toml, &text)
        };
        Ok(Self {
            root: root.to_path_buf(),
            rules: toml::from_str(&file(RULES)?).with_context(|| format!("parse({RULES})"))?,
            lessons: all()?.into_iter().map(lesson).collect::<Result<_>>()?,
            readme: text("README.md")?,
            syllabus: text("lessons/README.md")?,
            manifest: file("lessons/Cargo.toml")?,
            differences: file(DIFFERENCES)?,
        })
    }

    /// The lessons that the rules bind, with their entries.
    pub(super) fn own_lessons(&self) -> impl Iterator<Item = (&Lesson, &super::rules::Own)> {
        let entry = |lesson| Some((lesson, self.rules.of(Lesson::id(lesson))?));
        self.lessons.iter().filter_map(entry)
    }
}
