//! The lessons that are built into this binary, and lessons in other folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::lesson::file::LessonFile;
use crate::text::nearest::did_you_mean;

/// A lesson's files, embedded by `build/lessons.rs`.
pub(crate) struct EmbeddedLesson {
    pub(crate) folder: &'static str,
    pub(crate) toml: &'static str,
    /// Its `README.md`.
    pub(crate) text: &'static str,
}

include!(concat!(env!("OUT_DIR"), "/lessons.rs"));

/// A lesson that was found by its name.
#[derive(Debug)]
pub struct FoundLesson {
    /// Text of its `lesson.toml`.
    pub toml: String,
    /// Its `README.md`; empty if its folder has none.
    pub text: String,
    /// The directories that may have its binary, in order.
    pub directories: Vec<PathBuf>,
}

/// Finds a lesson by id (`lesson-3`), number (`3`), folder (`03-read-vs-mmap`) or short name
/// (`read-vs-mmap`); a name with a slash is a folder with a `lesson.toml` and a binary.
pub fn find(name: &str) -> Result<FoundLesson> {
    let beside = std::env::current_exe()
        .context("current_exe()")?
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default();
    if name.contains('/') {
        let folder = PathBuf::from(name);
        let path = folder.join("lesson.toml");
        let toml =
            fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))?;
        let text = fs::read_to_string(folder.join("README.md")).unwrap_or_default();
        return Ok(FoundLesson {
            toml,
            text,
            directories: vec![folder, beside],
        });
    }
    match embedded(name) {
        Some(lesson) => Ok(FoundLesson {
            toml: lesson.toml.to_owned(),
            text: lesson.text.to_owned(),
            directories: vec![beside],
        }),
        None => bail!("{}", unknown(name)),
    }
}

/// The files of a lesson that this binary knows by that name.
#[must_use]
pub(crate) fn embedded(name: &str) -> Option<&'static EmbeddedLesson> {
    EMBEDDED
        .iter()
        .find(|lesson| names(lesson.folder).any(|known| known == name))
}

/// Every lesson that this binary knows, in the order of their numbers.
pub fn all() -> Result<Vec<LessonFile>> {
    EMBEDDED
        .iter()
        .map(|lesson| {
            LessonFile::parse(lesson.toml)
                .with_context(|| format!("lesson.toml of {}", lesson.folder))
        })
        .collect()
}

/// Every name under which a folder's lesson is known; the id comes first.
fn names(folder: &str) -> impl Iterator<Item = String> {
    let (number, short) = folder.split_once('-').unwrap_or((folder, folder));
    let number = number.trim_start_matches('0').to_owned();
    [
        format!("lesson-{number}"),
        number,
        folder.to_owned(),
        short.to_owned(),
    ]
    .into_iter()
}

fn unknown(name: &str) -> String {
    let known: Vec<String> = EMBEDDED
        .iter()
        .flat_map(|lesson| names(lesson.folder))
        .collect();
    let ids: Vec<_> = EMBEDDED
        .iter()
        .filter_map(|lesson| names(lesson.folder).next())
        .collect();
    let hint = did_you_mean(name, known.iter().map(String::as_str));
    format!(
        "there is no lesson {name}{hint}; there are {}",
        ids.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_has_four_names() {
        let known: Vec<_> = names("03-read-vs-mmap").collect();
        assert_eq!(known, ["lesson-3", "3", "03-read-vs-mmap", "read-vs-mmap"]);
    }

    #[test]
    fn every_built_in_lesson_is_valid_and_has_claims() {
        let files = all().unwrap_or_else(|error| panic!("{error:#}"));
        assert!(!files.is_empty());
        for file in files {
            assert!(!file.claims.is_empty(), "{}", file.lesson.id);
        }
    }

    #[test]
    fn an_unknown_lesson_is_refused_with_the_nearest_name() {
        let error = find("lesson-3x").unwrap_err().to_string();
        assert!(error.contains("did you mean lesson-3?"), "{error}");
    }
}
