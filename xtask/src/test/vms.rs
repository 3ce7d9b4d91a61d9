//! The live tests in VMs: each kernel boots once and runs the tests whose result depends on the kernel
//! (`mmap-trace/tests/live/check/mod.rs` says which).

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError, mpsc},
    thread,
};

use anyhow::Result;
use mailbox::{Job, Kind};

use crate::{
    cache::Cache,
    run::pass_on,
    say,
    vm::{
        boot, guest_programs,
        initramfs::{self, Content, Program},
        programs::{self, Programs},
        series::Series,
        store,
    },
};

/// Programs that tests start or compare with; a test skips if the host lacks its program.
const TOOLS: &[&str] = &[
    "sh",
    "true",
    "env",
    "sleep",
    "setsid",
    "mount",
    "umount",
    "mkfs.ext4",
    "unshare",
    "setpriv",
    "strace",
    "perf",
];

/// The longest that the tests may take in one VM; emulated, they take minutes.
const LIMIT_SECONDS: u64 = 1800;

/// How many VMs run at a time: each keeps one CPU busy, but waits for grace periods now and then.
const AT_A_TIME: usize = 2;

/// What a VM reports while it runs.
#[derive(Debug)]
pub(super) enum Event {
    Line(String),
    /// The last event; an error if the tests did not reach their end.
    Ended(Result<()>),
}

struct LiveTests {
    cache: Cache,
    content: Content,
    job: Job,
}

/// Fetches QEMU and the kernels that the cache lacks. Whatever fails here fails again, with its reason, when
/// the VM is to boot.
pub(super) fn fetch(kernels: &[Series]) {
    let Ok(cache) = Cache::of_this_account() else {
        return;
    };
    if !kernels.is_empty() {
        let _ = Programs::new(&cache).qemu_version();
    }
    for series in kernels {
        let _ = store::ensure(&cache, *series);
    }
}

/// Boots each of `kernels` once and runs the tests of the `live` binary in it: all of them, or those
/// with a text of `only` in their name.
pub(super) fn run(
    kernels: &[Series],
    only: &[String],
    live: PathBuf,
    mut event: impl FnMut(Series, Event),
) -> Result<()> {
    let prepared = LiveTests {
        cache: Cache::of_this_account()?,
        content: content(live)?,
        job: job(only),
    };
    // The newest kernel takes longest, because programs stand twice at its hooks; started last, it would leave
    // a CPU idle at the end.
    let waiting = Mutex::new(kernels.iter().rev().copied());
    let next = || {
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.next()
    };
    let (sender, events) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(kernels.len()) {
            let sender = sender.clone();
            let (prepared, next) = (&prepared, &next);
            scope.spawn(move || {
                while let Some(series) = next() {
                    // Sending fails only if the receiver has panicked, and then everything ends.
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

impl LiveTests {
    /// Runs the tests in one kernel; each line of their output goes to `line`.
    fn boot(&self, series: Series, mut line: impl FnMut(&str)) -> Result<()> {
        let programs = Programs::new(&self.cache);
        let kernel = store::ensure(&self.cache, series)?;
        let initramfs = initramfs::build(&kernel, &self.content)?;
        say::note(format_args!(
            "live tests in a VM: Linux {} ({series})",
            kernel.version
        ));
        let mut lines = Lines::default();
        let take = |kind: Kind, bytes: &[u8]| {
            if kind == Kind::Stdout {
                lines.take(bytes, &mut line);
            } else {
                pass_on(kind, bytes);
            }
        };
        let returned = boot::run(&kernel, &self.job, &programs, &initramfs, take)?;
        let code = returned.code;
        say::note(format_args!(
            "the tests in Linux {series} ended with {code}"
        ));
        Ok(())
    }
}

fn content(live: PathBuf) -> Result<Content> {
    let mut content = guest_programs::content()?;
    content.programs.push(Program {
        from: live,
        name: "live".to_owned(),
    });
    let tools = TOOLS.iter().filter_map(|name| {
        Some(Program {
            from: programs::on_this_machine(name)?,
            name: (*name).to_owned(),
        })
    });
    content.programs.extend(tools);
    Ok(content)
}

fn job(only: &[String]) -> Job {
    let environment = [
        ("MMAP_TRACE_BIN", "/usr/bin/mmap-trace"),
        ("MMAP_TRACE_VM", "1"),
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

/// Joins pieces into lines.
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
    fn pieces_are_joined_into_lines() {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in ["a", "b\nc\n", "", "d"] {
            lines.take(piece.as_bytes(), &mut |line| all.push(line.to_owned()));
        }
        assert_eq!(all, ["ab", "c"]);
    }
}
