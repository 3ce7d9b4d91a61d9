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
    tracer::{Ran, open_directory},
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

fn after_a_daemon() -> Result<Outcome> {
    let before = Machine::now()?;
    let directory = open_directory()?;
    let recording = perturbed("left-behind", |_| (), directory.path())?.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}
