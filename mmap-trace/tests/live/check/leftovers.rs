//! Nothing stays behind, however a run ends.

use std::{path::Path, process::Child, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    lesson,
    random::Random,
    tracer::{self, Ran},
};

pub(super) const TESTS: &[Test] = &[
    (
        "a run leaves no program, map, process or directory behind",
        after_a_run,
    ),
    (
        "a tracer killed by SIGKILL takes its programs and its lesson with it",
        after_a_kill,
    ),
    (
        "processes that outlive a lesson are ended with it",
        after_a_daemon,
    ),
];

pub(super) const INTERRUPTIONS: &[Test] = &[(
    "Ctrl-C at any moment leaves nothing behind",
    after_interrupts,
)];

/// Traces one play under a work directory of its own, perturbed after a while.
fn perturbed(name: &str, disturb: impl FnOnce(&Child), directory: &Path) -> Result<Ran> {
    let folder = lesson::folder()?;
    let file = folder.path().join("recording.json");
    let mut tracer = tracer::command(["run"])?;
    tracer
        .arg(lesson::argument(&folder))
        .args(["--only", name, "--work-dir"])
        .arg(directory);
    let child = tracer
        .arg("--output")
        .arg(&file)
        .spawn()
        .context("start the tracer")?;
    disturb(&child);
    tracer::finish(child, &file)
}

pub(super) fn empty_directory() -> Result<tempfile::TempDir> {
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    // The lesson must be able to pass through it.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open)?;
    Ok(directory)
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
    // A child that has ended already is an outcome too.
    let _ = kill(Pid::from_raw(child.id().cast_signed()), signal);
}

fn after_a_run() -> Result<Outcome> {
    let before = Machine::now()?;
    let directory = empty_directory()?;
    perturbed("overlap", |_| (), directory.path())?.expect()?;
    before.must_be_as_before()?;
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}

fn after_interrupts() -> Result<Outcome> {
    let mut random = Random::new(Random::fresh_seed());
    let before = Machine::now()?;
    for n in 0..10 {
        let directory = empty_directory()?;
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
        // Before it holds signals there is nothing to undo, and it may simply die.
        ensure!(!ran.output.status.success(), "{}", context());
        ensure!(!ran.error().contains("panicked"), "{}", context());
        before.must_be_as_before().with_context(context)?;
        must_be_empty(directory.path()).with_context(context)?;
    }
    Ok(Outcome::Passed)
}

/// Its directory stays: the next run sweeps it when it is a minute old.
fn after_a_kill() -> Result<Outcome> {
    let before = Machine::now()?;
    for delay in [20, 150, 600] {
        let directory = empty_directory()?;
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
    let directory = empty_directory()?;
    let recording = perturbed("left-behind", |_| (), directory.path())?.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}
