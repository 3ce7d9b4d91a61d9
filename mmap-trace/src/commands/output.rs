//! Writes results. An output file is opened before the run, so that a bad path fails at once.

use std::{
    fs::{File, OpenOptions},
    io::{self, IsTerminal, Write as _},
    os::{
        fd::AsFd,
        unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    },
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::Mode,
    unistd::{UnlinkatFlags, fchown, unlinkat},
};
use serde::Serialize;

use crate::{
    cli::When,
    count::session::identity,
    record::Recording,
    render::{self, Detail, Style},
    weave::{LessonText, weave},
};

pub(super) struct Output {
    file: File,
    path: PathBuf,
    /// The directory in which the file was made, and its name there.
    created: Option<(File, PathBuf)>,
    written: bool,
}

/// Paths that name an open descriptor or the null device, where a link or a pipe is what the user wants.
const STREAMS: [&str; 5] = [
    "/dev/fd/",
    "/dev/null",
    "/dev/stderr",
    "/dev/stdout",
    "/proc/self/fd/",
];

impl Output {
    /// Opens the file without changing its content.
    pub(super) fn open(path: &Path) -> Result<Output> {
        let failed = || format!("cannot write to {}", path.display());
        let is_stream = STREAMS
            .iter()
            .any(|stream| path.as_os_str().as_bytes().starts_with(stream.as_bytes()));
        let (file, created) = if is_stream {
            (
                OpenOptions::new()
                    .write(true)
                    .open(path)
                    .with_context(failed)?,
                None,
            )
        } else {
            open_file(path).with_context(failed)?
        };
        Ok(Output {
            file,
            path: path.to_owned(),
            created,
            written: false,
        })
    }

    /// Replaces the file's content with one or more recordings.
    pub(super) fn write(self, recording: &impl Serialize) -> Result<()> {
        self.write_text(&render::json::render(recording)?)
    }

    /// Replaces the file's content.
    pub(super) fn write_text(mut self, text: &str) -> Result<()> {
        self.replace(text)
            .with_context(|| format!("cannot write to {}", self.path.display()))?;
        self.written = true;
        Ok(())
    }

    fn replace(&mut self, text: &str) -> io::Result<()> {
        // A pipe or a terminal cannot be truncated.
        if self.file.metadata()?.is_file() {
            self.file.set_len(0)?;
        }
        self.file.write_all(text.as_bytes())?;
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if let (Some((directory, name)), false) = (&self.created, self.written) {
            let _ = unlinkat(directory, name, UnlinkatFlags::NoRemoveDir);
        }
    }
}

/// Opens a regular file with one name, or makes it. In a shared directory, another account may have put
/// something else there, and this may run as root.
fn open_file(path: &Path) -> Result<(File, Option<(File, PathBuf)>)> {
    let name = path
        .file_name()
        .context("the path ends with no file name")?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let directory = File::open(parent.unwrap_or(Path::new(".")))?;
    let flags = OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let new = flags | OFlag::O_CREAT | OFlag::O_EXCL;
    let mode = Mode::from_bits_truncate(0o666);
    match openat(&directory, name, new, mode) {
        Ok(file) => {
            give_to_invoking_user(&file)?;
            return Ok((file.into(), Some((directory, name.into()))));
        }
        Err(Errno::EEXIST) => {}
        Err(errno) => return Err(errno.into()),
    }
    let file = match openat(&directory, name, flags, Mode::empty()) {
        Err(Errno::ELOOP) => bail!("it is a symbolic link; name the file itself"),
        Err(Errno::ENXIO) => bail!("it is a FIFO or a socket; name a file, or /dev/stdout"),
        other => File::from(other?),
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        bail!("it is no regular file; name a file, or /dev/stdout");
    }
    if metadata.nlink() > 1 {
        bail!(
            "it has {} names (hard links); name a new file",
            metadata.nlink()
        );
    }
    Ok((file, None))
}

/// Gives a file that was made under sudo to the account that called sudo.
fn give_to_invoking_user(file: &impl AsFd) -> Result<()> {
    if let Some((uid, gid)) = identity::invoking_owner()? {
        let _ = fchown(file, Some(uid), Some(gid));
    }
    Ok(())
}

/// The page of a run; without the lesson's text for a command.
pub(super) fn page(text: Option<LessonText<'_>>, recording: &Recording) -> Result<String> {
    render::page::lesson(&weave(text, recording)).context("cannot draw the page")
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
