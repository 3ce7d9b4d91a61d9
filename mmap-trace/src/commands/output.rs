//! Writes results. An output file is opened before the run, so that a bad path fails at once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, IsTerminal, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::{
    cli::When,
    render::{self, Detail, Style},
};

pub(super) struct Output {
    file: File,
    path: PathBuf,
    created: bool,
    written: bool,
}

impl Output {
    /// Opens the file without changing its content.
    pub(super) fn open(path: &Path) -> Result<Output> {
        let created = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot write the recording to {}", path.display()))?;
        if created {
            give_to_invoking_user(path);
        }
        Ok(Output {
            file,
            path: path.to_owned(),
            created,
            written: false,
        })
    }

    /// Replaces the file's content with one or more recordings.
    pub(super) fn write(mut self, recording: &impl Serialize) -> Result<()> {
        let json = render::json::render(recording)?;
        self.replace(&json)
            .with_context(|| format!("cannot write the recording to {}", self.path.display()))?;
        self.written = true;
        Ok(())
    }

    fn replace(&mut self, json: &str) -> io::Result<()> {
        // A pipe or a terminal cannot be truncated.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(json.as_bytes())?;
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.created && !self.written {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Gives a file that was made under sudo to the account that called sudo.
fn give_to_invoking_user(path: &Path) {
    let id = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    if let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) {
        let _ = std::os::unix::fs::chown(path, Some(uid), Some(gid));
    }
}

/// Whether output to a stream is coloured.
pub(super) fn style(when: When, stream: &impl IsTerminal) -> Style {
    let wanted = match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let quiet = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                || std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            stream.is_terminal() && !quiet
        }
    };
    if wanted { Style::Colour } else { Style::Plain }
}

pub(super) fn detail(all: bool) -> Detail {
    if all { Detail::All } else { Detail::Chosen }
}

/// Writes to standard output. A closed pipe is no error, so that `head` can be used.
pub(super) fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
