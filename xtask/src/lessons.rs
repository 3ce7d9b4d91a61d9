//! The lessons as the tree holds them: found by folder, listed, read.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Quits when the text fits the screen, keeps colour, leaves the text on the terminal.
const DEFAULT_PAGER: &str = "less -FRX";

/// A folder `NN-name` below `lessons/` that holds a `lesson.toml`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Lesson {
    number: u32,
    name: String,
    dir: PathBuf,
}

/// The part of `lesson.toml` that a list shows.
#[derive(Debug, Deserialize)]
struct LessonFile {
    lesson: About,
}

#[derive(Debug, Deserialize)]
struct About {
    title: String,
    question: String,
    minutes: u32,
}

impl Lesson {
    /// The name of its binary, as the tracer knows it.
    pub(crate) fn id(&self) -> String {
        format!("lesson-{}", self.number)
    }

    fn folder(&self) -> String {
        self.dir
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// A lesson is called by its id, its number, its name or its folder.
    fn answers_to(&self, asked: &str) -> bool {
        asked == self.id()
            || asked == self.name
            || asked == self.folder()
            || asked.parse() == Ok(self.number)
    }

    fn about(&self) -> Result<About> {
        let path = self.dir.join("lesson.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))?;
        let file: LessonFile =
            toml::from_str(&text).with_context(|| format!("parse({})", path.display()))?;
        Ok(file.lesson)
    }
}

/// The lesson that `asked` names; an unknown name is answered with the nearest one.
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

/// Prints one block for each lesson.
pub(crate) fn list() -> Result<ExitCode> {
    let mut blocks = Vec::new();
    for lesson in all()? {
        let About {
            title,
            question,
            minutes,
        } = lesson.about()?;
        let (id, folder, indent) = (lesson.id(), lesson.folder(), " ".repeat(11));
        blocks.push(format!(
            "{id:<10} {title} ({minutes} min)\n{indent}{question}\n{indent}lessons/{folder}\n"
        ));
    }
    print_text(&blocks.concat())
}

/// Prints the text of a lesson, through a pager when somebody looks at it.
pub(crate) fn read(asked: &str) -> Result<ExitCode> {
    let path = find(asked)?.dir.join("README.md");
    let text = fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))?;
    if io::stdout().is_terminal() && page(&text)? {
        return Ok(ExitCode::SUCCESS);
    }
    print_text(&text)
}

/// Whether a pager took the text; a machine without one gets it plainly.
fn page(text: &str) -> Result<bool> {
    let pager = env::var("PAGER")
        .ok()
        .filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| DEFAULT_PAGER.to_owned());
    // A pager is a command line, by the habit of man and git.
    let mut child = Command::new("sh")
        .args(["-c", &pager])
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `sh -c '{pager}'`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // Quitting the pager early closes the pipe: not an error.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait().context("wait(pager)")?;
    // 126 and 127: the shell found no such program.
    Ok(!matches!(status.code(), Some(126 | 127)))
}

fn print_text(text: &str) -> Result<ExitCode> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(error).context("write(stdout)")
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// All lessons, in the order of their numbers.
fn all() -> Result<Vec<Lesson>> {
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

/// The id or name most like what was asked.
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
    fn a_lesson_is_called_by_id_number_name_or_folder() {
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
    fn a_mistyped_name_is_answered_with_the_nearest() {
        assert_eq!(
            nearest("read-vs-map", &some()).as_deref(),
            Some("read-vs-mmap")
        );
        assert_eq!(nearest("lessn-3", &some()).as_deref(), Some("lesson-3"));
        assert_eq!(nearest("x", &[]), None);
    }
}
