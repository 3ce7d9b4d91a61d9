//! The lessons of this repository, found by their folders.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// A folder `NN-name` below `lessons/` that holds a `lesson.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lesson {
    pub(super) number: u32,
    name: String,
    pub(super) dir: PathBuf,
}

impl Lesson {
    /// The name of its binary, by which the tracer knows it.
    pub(crate) fn id(&self) -> String {
        format!("lesson-{}", self.number)
    }

    pub(super) fn folder(&self) -> String {
        self.dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// Whether `asked` is its id, its number, its name or its folder.
    fn answers_to(&self, asked: &str) -> bool {
        asked == self.id()
            || asked == self.name
            || asked == self.folder()
            || asked.parse() == Ok(self.number)
    }
}

/// The lesson that `asked` names; the error for an unknown name has the nearest one.
pub(crate) fn find(asked: &str) -> Result<Lesson> {
    let lessons = all()?;
    if let Some(lesson) = lessons.iter().find(|lesson| lesson.answers_to(asked)) {
        return Ok(lesson.clone());
    }
    match nearest(asked, &lessons) {
        Some(name) => bail!("there is no lesson `{asked}`; did you mean `{name}`?"),
        None => bail!("there is no lesson `{asked}`; the folder `lessons` holds none"),
    }
}

/// All lessons in the order of their numbers.
pub(super) fn all() -> Result<Vec<Lesson>> {
    let root = workspace::root()?.join("lessons");
    let entries = fs::read_dir(&root).with_context(|| format!("read_dir({})", root.display()))?;
    let mut lessons = Vec::new();
    for entry in entries {
        let dir = entry
            .with_context(|| format!("read_dir({})", root.display()))?
            .path();
        if dir.join("lesson.toml").is_file() {
            lessons.extend(from_folder(&dir));
        }
    }
    lessons.sort_by_key(|lesson| lesson.number);
    Ok(lessons)
}

fn from_folder(dir: &Path) -> Option<Lesson> {
    let (number, name) = dir.file_name()?.to_str()?.split_once('-')?;
    Some(Lesson {
        number: number.parse().ok()?,
        name: name.to_owned(),
        dir: dir.to_path_buf(),
    })
}

/// The id or name that is most similar to `asked`.
fn nearest(asked: &str, lessons: &[Lesson]) -> Option<String> {
    let names = lessons
        .iter()
        .flat_map(|lesson| [lesson.name.clone(), lesson.id()]);
    names.max_by(|a, b| strsim::jaro_winkler(asked, a).total_cmp(&strsim::jaro_winkler(asked, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Lesson> {
        ["01-address-space", "03-read-vs-mmap", "11-direct"]
            .iter()
            .filter_map(|folder| from_folder(Path::new(folder)))
            .collect()
    }

    #[test]
    fn a_lesson_answers_to_id_number_name_and_folder() {
        let lesson = from_folder(Path::new("lessons/03-read-vs-mmap")).unwrap();
        for asked in ["lesson-3", "3", "03", "read-vs-mmap", "03-read-vs-mmap"] {
            assert!(lesson.answers_to(asked), "{asked}");
        }
        for asked in ["lesson-03", "13", "read", ""] {
            assert!(!lesson.answers_to(asked), "{asked}");
        }
    }

    #[test]
    fn folders_without_a_number_are_not_lessons() {
        assert_eq!(from_folder(Path::new("lessons/src")), None);
        assert_eq!(from_folder(Path::new("lessons/x-y")), None);
    }

    #[test]
    fn the_nearest_name_is_found_for_a_misspelt_one() {
        assert_eq!(
            nearest("read-vs-map", &some()).as_deref(),
            Some("read-vs-mmap")
        );
        assert_eq!(nearest("lessn-3", &some()).as_deref(), Some("lesson-3"));
        assert_eq!(nearest("x", &[]), None);
    }
}
