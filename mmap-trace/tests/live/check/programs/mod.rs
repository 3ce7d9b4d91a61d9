//! Other people's programs, run as in the chapter "Real programs" of `lessons/README.md`.
//!
//! Commands and sentences come from the chapter word for word; `relations.rs` says which counts make a
//! sentence true.

mod chapter;
pub(super) mod outputs;
pub(super) mod redis;
mod relations;
pub(super) mod written;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use chapter::Section;
use relations::Runs;

use crate::{
    harness::{Outcome, Test},
    oracle,
    tracer::{self, Recording},
};

pub(super) const TESTS: &[Test] = &[
    ("ripgrep copies a file or maps it", || {
        hold(&relations::RIPGREP)
    }),
    ("Python copies a file or maps it", || {
        hold(&relations::PYTHON)
    }),
    (
        "cp and cat leave the copy to the kernel, dd makes two",
        || hold(&relations::COREUTILS),
    ),
    (
        "SQLite maps what it reads and writes what it changes",
        || hold(&relations::SQLITE),
    ),
    (
        "git's small windows cost system calls and no copies",
        || hold(&relations::GIT),
    ),
    (
        "a test covers every section of the chapter on real programs",
        complete,
    ),
];

/// A section of the chapter, and the relation that makes it true.
struct Subject {
    heading: &'static str,
    /// The test is skipped unless all of these programs are installed.
    programs: &'static [&'static str],
    /// Sentences that the relation proves.
    sentences: &'static [&'static str],
    /// Returns a reason if this machine's programs are not those that the sentences describe.
    unfit: Option<fn() -> Result<Option<String>>>,
    relation: fn(&Runs) -> Result<()>,
}

const SUBJECTS: [&Subject; 5] = [
    &relations::RIPGREP,
    &relations::PYTHON,
    &relations::COREUTILS,
    &relations::SQLITE,
    &relations::GIT,
];

fn hold(subject: &Subject) -> Result<Outcome> {
    if let Some(reason) = subject.programs.iter().find_map(|it| oracle::missing(it)) {
        return Ok(Outcome::Skipped(reason));
    }
    if let Some(unfit) = subject.unfit
        && let Some(reason) = unfit()?
    {
        return Ok(Outcome::Skipped(reason));
    }
    let section = chapter::section(subject.heading)?;
    for sentence in subject.sentences {
        ensure!(
            section.text.iter().any(|line| line == sentence),
            "the chapter does not say: {sentence}"
        );
    }
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    (subject.relation)(&runs(&section, directory.path())?)?;
    Ok(Outcome::Passed)
}

/// Runs what the chapter prepares and traces what it traces, in a directory of its own.
fn runs(section: &Section, directory: &Path) -> Result<Runs> {
    let mut recordings = Vec::new();
    for line in chapter::opening()?.iter().chain(&section.commands) {
        match line.strip_prefix(chapter::TRACED) {
            Some(command) => recordings.push(trace(command, directory)?),
            None => prepare(line, directory)?,
        }
    }
    let bytes =
        |name: &str| std::fs::metadata(directory.join(name)).map_or(0, |metadata| metadata.len());
    Ok(Runs {
        recordings,
        text_bytes: bytes("big.txt"),
        database_bytes: bytes("table.db"),
    })
}

fn shell(line: &str, directory: &Path) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(directory);
    shell.stdin(Stdio::null()).stdout(Stdio::null());
    shell
}

fn prepare(line: &str, directory: &Path) -> Result<()> {
    let status = shell(line, directory).status().context("start sh")?;
    ensure!(status.success(), "{line}: {status}");
    Ok(())
}

/// The shell parses the line and then becomes the tracer, so that it is not counted.
fn trace(command: &str, directory: &Path) -> Result<Recording> {
    let binary = tracer::binary()?;
    let recording = directory.join("recording.json");
    let line = format!("exec \"$TRACER\" exec --output recording.json -- {command}");
    let child = shell(&line, directory)
        .env("TRACER", binary)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .stderr(Stdio::piped())
        .spawn()
        .context("start sh")?;
    let ran = tracer::finish(child, &recording)?;
    ensure!(
        ran.output.status.success(),
        "{command}: {}\n{}",
        ran.output.status,
        ran.error()
    );
    ran.expect()
}

fn complete() -> Result<Outcome> {
    let mut headings: Vec<&str> = SUBJECTS.iter().map(|subject| subject.heading).collect();
    let mut written = chapter::headings()?;
    headings.sort_unstable();
    written.sort_unstable();
    ensure!(
        headings == written,
        "{headings:?} are tested, {written:?} are written"
    );
    Ok(Outcome::Passed)
}
