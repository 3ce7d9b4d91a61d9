//! The folders of this repository's lessons.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use fs_err as fs;
use mmap_trace::course::{catalog, lesson::file::LessonFile};

use crate::workspace;

/// A folder `NN-name` below `lessons/` that holds a `lesson.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Folder {
    pub(super) number: u32,
    pub(super) path: PathBuf,
}

impl Folder {
    pub(super) fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    pub(super) fn of(path: PathBuf) -> Option<Self> {
        let (number, _) = path.file_name()?.to_str()?.split_once('-')?;
        Some(Self {
            number: number.parse().ok()?,
            path,
        })
    }

    pub(super) fn file(&self) -> Result<LessonFile> {
        let path = self.path.join("lesson.toml");
        let text = fs::read_to_string(&path)?;
        LessonFile::parse(&text).with_context(|| format!("parse({})", path.display()))
    }
}

/// What the lesson promises that `asked` names, by any name that the tracer knows.
pub(crate) fn promises(asked: &str) -> Result<LessonFile> {
    let found = catalog::find(asked)?;
    LessonFile::parse(&found.toml).with_context(|| format!("lesson.toml of {asked}"))
}

/// The folder of the lesson that `asked` names.
pub(super) fn find(asked: &str) -> Result<Folder> {
    let id = promises(asked)?.lesson.id;
    let mut folders = all()?.into_iter();
    let folder = folders.find(|folder| format!("lesson-{}", folder.number) == id);
    folder.with_context(|| format!("no folder below lessons/ belongs to {id}"))
}

/// All folders in the order of their numbers.
pub(super) fn all() -> Result<Vec<Folder>> {
    let root = workspace::root()?.join("lessons");
    let entries = fs::read_dir(&root)?;
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.join("lesson.toml").is_file() {
            folders.extend(Folder::of(path));
        }
    }
    folders.sort_by_key(|folder| folder.number);
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_folders_are_lessons() {
        let number = |path: &str| Folder::of(path.into()).map(|folder| folder.number);
        assert_eq!(number("lessons/03-read-vs-mmap"), Some(3));
        assert_eq!(number("lessons/src"), None);
        assert_eq!(number("lessons/x-y"), None);
    }

    #[test]
    fn a_lesson_is_found_by_any_name_that_the_tracer_knows() {
        for asked in ["lesson-3", "3", "read-vs-mmap", "03-read-vs-mmap"] {
            assert_eq!(find(asked).unwrap().name(), "03-read-vs-mmap", "{asked}");
        }
        let error = find("lessn-3").unwrap_err().to_string();
        assert!(error.contains("did you mean lesson-3?"), "{error}");
    }
}
