//! This binary in the part of a command that `exec` traces; `--workload` chooses what it does. Each workload
//! knows to the byte what it moved and says so in a report of constant length.

mod aio;
mod calls;
mod exits;
mod expected;
mod fallback;
mod files;
mod generated;
mod images;
#[cfg(target_arch = "x86_64")]
mod narrow;
mod odd;
mod pinned;
mod pipes;
mod queues;
mod ring;
mod ring_streams;
mod rings;
mod sandboxes;
mod sockets;
mod terminals;
mod transfers;

use std::{fs::File, io::Write as _, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid, fork},
};

pub(crate) use expected::{Expected, UNCOPIED};

pub(crate) use ring::{Carrier, Request, Ring, number};
pub(crate) use sockets::udp_pair;

use crate::random::Random;

/// The length of every report, so that writing it costs the same in every run.
const REPORT_BYTES: usize = 4096;

pub(crate) struct Work {
    pub(crate) directory: PathBuf,
    pub(crate) random: Random,
    /// What the tracer must count for it.
    pub(crate) expected: Expected,
    /// The parts that have been handed out, each with a file of its own.
    parts: usize,
}

impl Work {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// A buffer of random size, at most 200 kB.
    pub(crate) fn bytes(&mut self) -> Vec<u8> {
        vec![0x5A; self.random.between(1, 200_000)]
    }
}

pub(crate) type Play = fn(&mut Work) -> Result<()>;

/// The workloads that move bytes, by subject.
const COPYING: &[&[(&str, Play)]] = &[
    files::PLAYS,
    fallback::PLAYS,
    generated::PLAYS,
    pipes::PLAYS,
    queues::PLAYS,
    sockets::PLAYS,
    pinned::PLAYS,
    transfers::PLAYS,
    terminals::PLAYS,
    sandboxes::PLAYS,
    odd::PLAYS,
    #[cfg(target_arch = "x86_64")]
    narrow::PLAYS,
];

/// The workloads that have bytes moved by requests, which may complete outside of all calls.
const REQUESTING: &[&[(&str, Play)]] = &[rings::PLAYS, ring_streams::PLAYS, aio::PLAYS];

/// Finds a workload by its name.
fn find(name: &str) -> Option<Play> {
    let others = [calls::PLAYS, exits::PLAYS, images::PLAYS];
    let plays = COPYING.iter().chain(REQUESTING).copied();
    let plays = plays.chain(others).flatten();
    plays
        .into_iter()
        .find(|(known, _)| *known == name)
        .map(|(_, play)| *play)
}

/// The names of the workloads that move bytes by calls.
pub(crate) fn copying() -> impl Iterator<Item = &'static str> {
    names(COPYING)
}

/// The names of the workloads that have bytes moved by requests.
pub(crate) fn requesting() -> impl Iterator<Item = &'static str> {
    names(REQUESTING)
}

fn names(
    subjects: &'static [&'static [(&'static str, Play)]],
) -> impl Iterator<Item = &'static str> {
    subjects.iter().copied().flatten().map(|(name, _)| *name)
}

pub(crate) fn command_line(
    name: &str,
    seed: u64,
    directory: &str,
    empty: bool,
) -> Result<Vec<String>> {
    let binary = std::env::current_exe().context("current_exe()")?;
    let mut words = vec![binary.to_string_lossy().into_owned()];
    words.extend(["--workload", name, "--seed"].map(str::to_owned));
    words.extend([
        seed.to_string(),
        "--directory".to_owned(),
        directory.to_owned(),
    ]);
    // Both are equally long: the length of the arguments decides how many pages of the stack execve touches.
    words.push(if empty { "--empty" } else { "--whole" }.to_owned());
    Ok(words)
}

/// Runs as the traced command.
pub(crate) fn main(arguments: &[String]) -> ExitCode {
    match play(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "workload: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn play(arguments: &[String]) -> Result<()> {
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1).map(String::as_str)
    };
    let name = option("--workload").context("--workload needs a name")?;
    let seed: u64 = option("--seed")
        .context("--seed is missing")?
        .parse()
        .context("--seed")?;
    let directory = PathBuf::from(option("--directory").context("--directory is missing")?);
    let report = File::create(directory.join("report")).context("report")?;
    let expected = if arguments.iter().any(|argument| argument == "--empty") {
        Expected::default()
    } else {
        perform(name, seed, directory)?
    };
    let mut text = expected.to_json();
    text.push_str(&" ".repeat(REPORT_BYTES - text.len()));
    crate::sys::write(&report, text.as_bytes()).context("report")?;
    Ok(())
}

/// Does the work and returns what the tracer must count for it.
pub(crate) fn perform(name: &str, seed: u64, directory: PathBuf) -> Result<Expected> {
    let Some(play) = find(name) else {
        bail!("no workload {name}")
    };
    let mut work = Work {
        directory,
        random: Random::new(seed),
        expected: Expected::default(),
        parts: 0,
    };
    play(&mut work).with_context(|| format!("workload {name}, seed {seed}"))?;
    Ok(work.expected)
}

/// Forks a process that runs `body` and ends.
pub(crate) fn in_child(body: impl FnOnce() -> Result<()>) -> Result<Pid> {
    // SAFETY: a workload has one thread when it forks.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let code = match body() {
                Ok(()) => 0,
                Err(error) => {
                    let _ = writeln!(std::io::stderr(), "child: {error:?}");
                    1
                }
            };
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
    }
}

/// Waits for a child that must have succeeded.
pub(crate) fn join(child: Pid) -> Result<()> {
    match waitpid(child, None).context("waitpid")? {
        WaitStatus::Exited(_, 0) => Ok(()),
        other => bail!("{other:?}"),
    }
}
