//! Lists the lessons, and shows the text of one in the terminal.

use std::{
    env, fs,
    io::{self, IsTerminal as _, Write as _},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::catalog::{Lesson, all, find};

/// less quits if the text fits the screen, keeps colour, and leaves the text on the terminal.
const DEFAULT_PAGER: &str = "less -FRX";

/// The part of `lesson.toml` that the list shows.
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
    fn about(&self) -> Result<About> {
        let path = self.dir.join("lesson.toml");
        let text =
            fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))?;
        let file: LessonFile =
            toml::from_str(&text).with_context(|| format!("parse({})", path.display()))?;
        Ok(file.lesson)
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

/// Prints the text of a lesson, through a pager if stdout is a terminal.
pub(crate) fn read(asked: &str) -> Result<ExitCode> {
    let path = find(asked)?.dir.join("README.md");
    let text = fs::read_to_string(&path).with_context(|| format!("read({})", path.display()))?;
    if io::stdout().is_terminal() && page(&text)? {
        return Ok(ExitCode::SUCCESS);
    }
    print_text(&text)
}

/// Whether a pager showed the text; this machine may have none.
fn page(text: &str) -> Result<bool> {
    let pager = env::var("PAGER")
        .ok()
        .filter(|pager| !pager.trim().is_empty());
    let pager = pager.unwrap_or_else(|| DEFAULT_PAGER.to_owned());
    // A pager is a command line, as for man and git.
    let mut child = Command::new("sh")
        .args(["-c", &pager])
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `sh -c '{pager}'`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A user who quits the pager early closes the pipe, which is not an error.
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
