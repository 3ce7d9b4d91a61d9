//! Calls and faults of commands, against strace, perf and wait4.

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Outcome, Test},
    oracle,
    random::Random,
    tracer, workload,
};

pub(super) const TESTS: &[Test] = &[
    (
        "system calls of a command equal strace, alone, forking and with threads",
        calls,
    ),
    (
        "faults of a command equal perf's page-faults, less those inside execve",
        faults,
    ),
];

const WORKLOADS: [&str; 3] = ["calls-alone", "calls-forking", "calls-threads"];

/// A workload's command line and a directory for it.
struct Command {
    words: Vec<String>,
    directory: tempfile::TempDir,
}

impl Command {
    fn new(name: &str, seed: u64, empty: bool) -> Result<Self> {
        let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
        let shown = directory.path().to_string_lossy();
        let words = workload::command_line(name, seed, &shown, empty)?;
        Ok(Command { words, directory })
    }
}

fn calls() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("strace") {
        return Ok(Outcome::Skipped(reason));
    }
    for name in WORKLOADS {
        let seed = Random::fresh_seed();
        let command = Command::new(name, seed, false)?;
        let counted = tracer::exec(&[], &command.words)?
            .expect()?
            .count("exec", "syscalls")?;
        let wanted = oracle::strace(&command.words, command.directory.path())?;
        ensure!(
            counted == wanted,
            "{name}, seed {seed}: {counted} counted, {wanted} by strace"
        );
    }
    Ok(Outcome::Passed)
}

/// Exceptions of a command, by us and by perf: the least of five runs, because fault-around maps less
/// when a page of the binary happens to be locked by somebody else.
fn exceptions(name: &str, seed: u64, empty: bool) -> Result<(u64, u64)> {
    let (mut ours, mut perfs) = (u64::MAX, u64::MAX);
    for _ in 0..5 {
        let command = Command::new(name, seed, empty)?;
        let recording = tracer::exec(&[], &command.words)?.expect()?;
        let count = |key: &str| recording.count("exec", key);
        let counted = count("faults.user")? + count("faults.kernel")? + count("faults_failed")?;
        ours = ours.min(counted);
        perfs = perfs.min(oracle::perf(&command.words, command.directory.path())?);
    }
    Ok((ours, perfs))
}

/// perf counts exceptions that reach the fault handler, completed or not; faults that populate or pin
/// pages come without an exception and are not in it. It begins inside execve (`perf_event_exec`), we at
/// its end (`sched_process_exec`): between them `elf_load` (`fs/binfmt_elf.c`) clears the ends of data
/// segments, one fault each. They are the same for the program without its work.
fn faults() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("perf") {
        return Ok(Outcome::Skipped(reason));
    }
    for name in WORKLOADS {
        let seed = Random::fresh_seed();
        let (ours, perfs) = exceptions(name, seed, false)?;
        let (ours_empty, perfs_empty) = exceptions(name, seed, true)?;
        ensure!(
            perfs - ours == perfs_empty - ours_empty && perfs - ours <= 4,
            "{name}, seed {seed}: {ours} counted and {perfs} by perf; {ours_empty} and {perfs_empty} \
             without its work"
        );
    }
    Ok(Outcome::Passed)
}
