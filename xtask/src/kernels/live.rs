//! The live tests in the box: one boot of each kernel runs those that depend on the kernel
//! (`mmap-trace/tests/live/check/mod.rs` says which).

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use anyhow::{Context as _, Result};
use mailbox::{Job, Kind};
use serde_json::Value;

use super::{
    guest,
    initramfs::{self, Content, Program},
    lesson,
    programs::{self, Programs},
    series::Series,
    store,
};
use crate::{account::Builder, cache::Cache, say, workspace};

/// Programs that tests start or compare with; a test whose program the host lacks says that it skips.
const TOOLS: &[&str] = &[
    "sh", "true", "env", "mount", "unshare", "setpriv", "strace", "perf",
];

/// A guest that takes longer is given up. Emulated, the tests need minutes.
const LIMIT_SECONDS: u64 = 1800;

/// So many guests run at once: each keeps one CPU busy, and waits for grace periods now and then.
const GUESTS: usize = 2;

/// What a guest tells while it runs.
#[derive(Debug)]
pub(crate) enum Event {
    /// One line of the tests.
    Line(String),
    /// The last event. An error is a guest that did not get to the end.
    Ended(Result<()>),
}

/// Everything that is the same for all kernels.
struct Prepared {
    cache: Cache,
    content: Content,
    job: Job,
}

/// Boots each of `kernels` once and runs the tests in it, in a few guests at a time: all, or those that
/// have a text of `only` in their name.
pub(crate) fn run(
    kernels: &[Series],
    only: &[String],
    builder: &Builder,
    mut event: impl FnMut(Series, Event),
) -> Result<()> {
    let prepared = Prepared {
        cache: Cache::of_this_account()?,
        content: content(builder)?,
        job: job(only),
    };
    let waiting = Mutex::new(kernels.iter().copied());
    let next = || {
        waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .next()
    };
    let (sender, events) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..GUESTS.min(kernels.len()) {
            let sender = sender.clone();
            let (prepared, next) = (&prepared, &next);
            scope.spawn(move || {
                while let Some(series) = next() {
                    // Without a receiver the main thread has ended, and so does everything.
                    let tell = |event| drop(sender.send((series, event)));
                    let ended = prepared.boot(series, |line| tell(Event::Line(line.to_owned())));
                    tell(Event::Ended(ended));
                }
            });
        }
        drop(sender);
        for (series, what) in events {
            event(series, what);
        }
    });
    Ok(())
}

impl Prepared {
    /// Runs the tests in one kernel; each line of their output goes to `line`.
    fn boot(&self, series: Series, mut line: impl FnMut(&str)) -> Result<()> {
        let programs = Programs::new(&self.cache);
        let kernel = store::ensure(&self.cache, series)?;
        let initramfs = initramfs::build(&kernel, &self.content)?;
        say::note(format_args!(
            "live tests in a box: Linux {} ({series})",
            kernel.version
        ));
        let mut lines = Lines::default();
        let take = |kind: Kind, bytes: &[u8]| {
            if kind == Kind::Stdout {
                lines.take(bytes, &mut line);
            } else {
                lesson::pass_on(kind, bytes);
            }
        };
        let returned = guest::run(&kernel, &self.job, &programs, &initramfs, take)?;
        say::note(format_args!(
            "the tests in Linux {series} ended with {}",
            returned.code
        ));
        Ok(())
    }
}

fn content(builder: &Builder) -> Result<Content> {
    let release = workspace::target_dir()?.join("release");
    let mut all = lesson::tracer_and_lessons(&release)?;
    all.push(Program {
        from: test_binary(builder)?,
        name: "live".to_owned(),
    });
    let tools = TOOLS.iter().filter_map(|name| {
        Some(Program {
            from: programs::on_this_machine(name)?,
            name: (*name).to_owned(),
        })
    });
    all.extend(tools);
    Ok(Content {
        init: lesson::init(builder)?,
        programs: all,
        files: Vec::new(),
        predictions: None,
    })
}

/// Builds the live tests and finds their binary in what cargo says.
fn test_binary(builder: &Builder) -> Result<PathBuf> {
    let said = workspace::cargo(builder)?
        .args([
            "test",
            "--quiet",
            "--release",
            "-p",
            "mmap-trace",
            "--test",
            "live",
        ])
        .args(["--no-run", "--message-format", "json"])
        .capture()?
        .require()?;
    let found = said.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == "live" && message["executable"].is_string();
        is_it.then(|| PathBuf::from(message["executable"].as_str().unwrap_or_default()))
    });
    found.context("cargo names no binary of the live tests")
}

fn job(only: &[String]) -> Job {
    let environment = [
        ("MMAP_TRACE_BIN", "/usr/bin/mmap-trace"),
        ("MMAP_TRACE_BOX", "1"),
    ];
    Job {
        command: [&["/usr/bin/live".to_owned()], only].concat(),
        environment: environment
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .to_vec(),
        collect: None,
        limit_seconds: LIMIT_SECONDS,
    }
}

/// Puts pieces together to lines.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(&str)) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            each(String::from_utf8_lossy(&line).trim_end());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_wherever_they_are_cut() {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in ["a", "b\nc\n", "", "d"] {
            lines.take(piece.as_bytes(), &mut |line| all.push(line.to_owned()));
        }
        assert_eq!(all, ["ab", "c"]);
    }
}
