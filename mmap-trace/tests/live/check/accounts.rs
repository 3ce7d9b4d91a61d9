//! System calls and faults of commands, compared with strace and perf.

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Outcome, Pace, Test},
    oracle,
    random::Random,
    tracer, workload,
};

pub(super) const TESTS: &[Test] = &[
    (
        "system calls of a command equal strace's count: one process, forks, threads",
        calls,
    ),
    (
        "faults of a command equal perf's page-faults minus those inside execve",
        faults,
    ),
    (
        "a store of the kernel inside execve belongs to the new program, whatever was at its address before",
        inside_exec,
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
            "{name}, seed {seed}: the tracer counts {counted}, strace {wanted}"
        );
    }
    Ok(Outcome::Passed)
}

/// Exceptions of a command as the tracer and perf count them: the minimum of the runs so far.
#[derive(Clone, Copy)]
struct Exceptions {
    ours: u64,
    perfs: u64,
}

impl Exceptions {
    const NONE_YET: Exceptions = Exceptions {
        ours: u64::MAX,
        perfs: u64::MAX,
    };

    /// Runs without an environment: perf adds a variable to it, and its length decides how much of the
    /// stack lies in a page that execve has touched already.
    fn once_more(self, name: &str, seed: u64, empty: bool) -> Result<Self> {
        let mut command = Command::new(name, seed, empty)?;
        command.words.splice(0..0, ["env", "-i"].map(str::to_owned));
        let recording = tracer::exec(&[], &command.words)?.expect()?;
        let count = |key: &str| recording.count("exec", key);
        let counted = count("faults.user")? + count("faults.kernel")? + count("faults_failed")?;
        Ok(Exceptions {
            ours: self.ours.min(counted),
            perfs: self
                .perfs
                .min(oracle::perf(&command.words, command.directory.path())?),
        })
    }

    fn more_by_perf(self) -> u64 {
        self.perfs.wrapping_sub(self.ours)
    }
}

/// Fault-around skips a page of the binary that somebody else has locked, so a run sometimes takes one
/// fault more; the minimum of a few runs is free of that.
const ATTEMPTS: usize = 5;

/// perf counts exceptions that reach the fault handler, whether they complete or not; it does not count
/// faults that populate or pin pages, because they raise no exception. perf starts inside execve
/// (`perf_event_exec`), the tracer at its end (`sched_process_exec`): between the two, `elf_load`
/// (`fs/binfmt_elf.c`) clears the ends of data segments and takes one fault for each. The program
/// without its work takes the same ones.
fn faults() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("perf") {
        return Ok(Outcome::Skipped(reason));
    }
    for name in WORKLOADS {
        let seed = Random::fresh_seed();
        let (mut whole, mut empty) = (Exceptions::NONE_YET, Exceptions::NONE_YET);
        let mut agree = false;
        for _ in 0..ATTEMPTS {
            whole = whole.once_more(name, seed, false)?;
            empty = empty.once_more(name, seed, true)?;
            agree = whole.more_by_perf() == empty.more_by_perf() && whole.more_by_perf() <= 4;
            if agree {
                break;
            }
        }
        ensure!(
            agree,
            "{name}, seed {seed}: the tracer counts {} and perf {}; without the work {} and {}",
            whole.ours,
            whole.perfs,
            empty.ours,
            empty.perfs
        );
    }
    Ok(Outcome::Passed)
}

/// A way to execute a program, and the same after another store: the workload, and how often that store faults in
/// a shared mapping of a file.
const EXECUTIONS: [(&str, &[(&str, u64)]); 3] = [
    (
        "execute-in-child",
        &[("execute-in-child-after-anonymous-store", 0)],
    ),
    (
        "execute",
        &[
            ("execute-after-anonymous-store", 0),
            ("execute-after-shared-store", 1),
        ],
    ),
    (
        "execute-in-thread",
        &[("execute-in-thread-after-shared-store", 1)],
    ),
];

fn inside_exec() -> Result<Outcome> {
    let tried = Pace::here().choose(EXECUTIONS.len(), 1);
    for (plain, others) in &EXECUTIONS[..tried] {
        let before = executed(plain)?;
        for (name, shared_stores) in *others {
            let after = executed(name)?;
            for (key, more) in [
                ("faults.cow", 0),
                ("faults.mkwrite", *shared_stores),
                ("cow_copied_pages.file", 0),
            ] {
                let wanted = before.count("exec", key)? + more;
                let counted = after.count("exec", key)?;
                ensure!(
                    counted == wanted,
                    "{name}: {key}: {counted} instead of {wanted}"
                );
            }
        }
    }
    Ok(Outcome::Passed)
}

fn executed(workload: &str) -> Result<tracer::Recording> {
    let command = Command::new(workload, 1, false)?;
    let ran = tracer::exec(&[], &command.words)?;
    ensure!(ran.output.status.success(), "{workload}: {}", ran.error());
    ran.expect()
}
