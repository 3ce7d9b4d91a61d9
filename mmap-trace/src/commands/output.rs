//! Where a result goes: opened before the run, so that a bad path fails at once.

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

/// A file that will hold the recording.
pub(super) struct Output {
    file: File,
    path: PathBuf,
    created: bool,
    written: bool,
}

impl Output {
    /// Opens the file without touching what it holds.
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

    /// Replaces its content with a recording, or with several.
    pub(super) fn write(mut self, recording: &impl Serialize) -> Result<()> {
        let json = render::json::render(recording)?;
        self.replace(&json)
            .with_context(|| format!("cannot write the recording to {}", self.path.display()))?;
        self.written = true;
        Ok(())
    }

    fn replace(&mut self, json: &str) -> io::Result<()> {
        // A pipe or a terminal has no length to cut.
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

/// A file made under sudo belongs to whoever called it.
fn give_to_invoking_user(path: &Path) {
    let id = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    if let (Some(uid), Some(gid)) = (id("SUDO_UID"), id("SUDO_GID")) {
        let _ = std::os::unix::fs::chown(path, Some(uid), Some(gid));
    }
}

/// Whether a stream gets colour.
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

/// How much is drawn.
pub(super) fn detail(all: bool) -> Detail {
    if all { Detail::All } else { Detail::Chosen }
}

/// Writes to standard output. A reader that went away is no error.
pub(super) fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.context("cannot write to standard output"),
    }
}
