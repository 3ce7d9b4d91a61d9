//! Lists the lessons, and shows the text of one in the terminal.

use std::{
    env,
    io::{self, IsTerminal as _, Write as _},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result};
use fs_err as fs;
use mmap_trace::course::lesson::file::Lesson;

use super::catalog::{all, find};

/// less quits if the text fits the screen, keeps colour, and leaves the text on the terminal.
const DEFAULT_PAGER: &str = "less -FRX";

/// Prints one block for each lesson.
pub(crate) fn list() -> Result<ExitCode> {
    let mut blocks = Vec::new();
    for folder in all()? {
        let Lesson {
            id,
            title,
            question,
            minutes,
            ..
        } = folder.file()?.lesson;
        let (name, indent) = (folder.name(), " ".repeat(11));
        blocks.push(format!(
            "{id:<10} {title} ({minutes} min)\n{indent}{question}\n{indent}lessons/{name}\n"
        ));
    }
    print_text(&blocks.concat())
}

/// Prints the text of a lesson, through a pager if stdout is a terminal.
pub(crate) fn read(asked: &str) -> Result<ExitCode> {
    let path = find(asked)?.path.join("README.md");
    let text = fs::read_to_string(&path)?;
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
