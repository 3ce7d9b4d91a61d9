//! A run leaves nothing behind, however it ends.

use std::{path::Path, process::Child, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::start_play;
use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    random::Random,
    tracer::{Ran, Start, open_directory},
};

pub(super) const TESTS: &[Test] = &[
    (
        "a run leaves no program, map, process or directory behind",
        after_a_run,
    ),
    (
        "SIGKILL to the tracer also ends its eBPF programs and its lesson",
        after_a_kill,
    ),
    (
        "SIGKILL to the tracer also ends every descendant of a command",
        after_a_kill_of_exec,
    ),
    (
        "signals that would end the tracer leave nothing of a lesson behind",
        after_other_signals,
    ),
    (
        "a chain of processes that fork and exit ends with its lesson",
        after_a_chain,
    ),
    (
        "the tracer ends processes that outlive their lesson",
        after_a_daemon,
    ),
];

pub(super) const INTERRUPTIONS: &[Test] = &[(
    "Ctrl-C leaves nothing behind at any moment",
    after_interrupts,
)];

/// Traces one play under a work directory of its own, while `disturb` acts on the tracer.
fn perturbed(name: &str, disturb: impl FnOnce(&Child), directory: &Path) -> Result<Ran> {
    let mut start = start_play(name)?;
    start.command.arg("--work-dir").arg(directory);
    let running = start.spawn()?;
    disturb(&running.child);
    running.finish()
}

pub(super) fn must_be_empty(directory: &Path) -> Result<()> {
    let left: Vec<_> = std::fs::read_dir(directory)?
        .filter_map(Result::ok)
        .map(|it| it.path())
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

pub(super) fn signal(child: &Child, signal: Signal) {
    // The child may have ended already, which the caller finds out.
    let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
}

fn after_a_run() -> Result<Outcome> {
    let before = Machine::now()?;
    let directory = open_directory()?;
    perturbed("overlap", |_| (), directory.path())?.expect()?;
    before.must_be_as_before()?;
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}

fn after_interrupts() -> Result<Outcome> {
    let mut random = Random::new(Random::fresh_seed());
    let before = Machine::now()?;
    for n in 0..10 {
        let directory = open_directory()?;
        let delay = Duration::from_millis(random.between(0, 300) as u64);
        let interrupt = |child: &Child| {
            std::thread::sleep(delay);
            signal(
                child,
                if n % 3 == 2 {
                    Signal::SIGTERM
                } else {
                    Signal::SIGINT
                },
            );
        };
        let ran = perturbed("endless", interrupt, directory.path())?;
        let context = || {
            format!(
                "interrupted after {delay:?}: {}\n{}",
                ran.output.status,
                ran.error()
            )
        };
        // Before the tracer blocks signals it has nothing to undo, and the signal may kill it.
        ensure!(!ran.output.status.success(), "{}", context());
        ensure!(!ran.error().contains("panicked"), "{}", context());
        before.must_be_as_before().with_context(context)?;
        must_be_empty(directory.path()).with_context(context)?;
    }
    Ok(Outcome::Passed)
}

/// The directory stays: the next run removes it once it is a minute old.
fn after_a_kill() -> Result<Outcome> {
    let before = Machine::now()?;
    for delay in [20, 150, 600] {
        let directory = open_directory()?;
        let stop = |child: &Child| {
            std::thread::sleep(Duration::from_millis(delay));
            signal(child, Signal::SIGKILL);
        };
        perturbed("endless", stop, directory.path())?;
        before
            .must_be_as_before()
            .with_context(|| format!("killed after {delay} ms"))?;
    }
    Ok(Outcome::Passed)
}

/// Descendants in sessions and namespaces of their own, one of them stopped.
const FAMILIES: [&str; 5] = [
    "setsid sleep 1000 & sleep 1000",
    "setsid setsid sh -c 'sleep 1000 & sleep 1000' & sleep 1000",
    "setsid sleep 1000 & kill -STOP $!; sleep 1000",
    "unshare -Ur sh -c 'setsid sleep 1000 & sleep 1000' & sleep 1000",
    "unshare -Urpf sh -c 'setsid sleep 1000 & sleep 1000' & sleep 1000",
];

fn after_a_kill_of_exec() -> Result<Outcome> {
    let before = Machine::now()?;
    for family in FAMILIES {
        for delay in [150, 600] {
            let mut start = Start::of("exec")?;
            start.command.args(["--", "sh", "-c", family]);
            let running = start.spawn()?;
            std::thread::sleep(Duration::from_millis(delay));
            signal(&running.child, Signal::SIGKILL);
            running.finish()?;
            before
                .must_be_as_before()
                .with_context(|| format!("{family}, killed after {delay} ms"))?;
        }
    }
    Ok(Outcome::Passed)
}

/// Those that the tracer can handle are a Ctrl-C to it; the others are a SIGKILL.
fn after_other_signals() -> Result<Outcome> {
    let before = Machine::now()?;
    for number in [
        Signal::SIGALRM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGABRT,
        Signal::SIGXCPU,
        Signal::SIGQUIT,
        Signal::SIGHUP,
    ] {
        let directory = open_directory()?;
        let stop = |child: &Child| {
            std::thread::sleep(Duration::from_millis(600));
            signal(child, number);
        };
        let ran = perturbed("endless", stop, directory.path())?;
        let context = || format!("{number}: {}\n{}", ran.output.status, ran.error());
        ensure!(ran.error().contains(number.as_str()), "{}", context());
        before.must_be_as_before().with_context(context)?;
        must_be_empty(directory.path()).with_context(context)?;
    }
    Ok(Outcome::Passed)
}

fn after_a_chain() -> Result<Outcome> {
    let before = Machine::now()?;
    for _ in 0..5 {
        let directory = open_directory()?;
        let recording = perturbed("chain", |_| (), directory.path())?.expect()?;
        ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
        before.must_be_as_before()?;
        must_be_empty(directory.path())?;
    }
    let kill = |child: &Child| {
        std::thread::sleep(Duration::from_millis(700));
        signal(child, Signal::SIGKILL);
    };
    perturbed("endless-chain", kill, open_directory()?.path())?;
    before.must_be_as_before()?;
    Ok(Outcome::Passed)
}

fn after_a_daemon() -> Result<Outcome> {
    let before = Machine::now()?;
    let directory = open_directory()?;
    let recording = perturbed("left-behind", |_| (), directory.path())?.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}
