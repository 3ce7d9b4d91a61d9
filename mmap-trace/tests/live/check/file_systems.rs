//! Lessons whose work directory is not on ext4: they run in an ext4 image on it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::signal::Signal;

use super::{
    leftovers::{must_be_empty, signal},
    lessons::{options_of, recording_of},
};
use crate::{
    disk::{BTRFS, Disk, Kind, OVERLAYFS, TMPFS, XFS},
    harness::{Outcome, Test},
    kernel::Machine,
    oracle,
    tracer::{self, Ran, Recording, Start},
};

pub(super) const TESTS: &[Test] = &[(
    "on tmpfs a lesson decides the claims that it decides on ext4",
    || decided_on(&TMPFS, &["lesson-5", "lesson-6"]),
)];

pub(super) const ON_OTHERS: &[Test] = &[
    (
        "on overlayfs a lesson decides the claims that it decides on ext4",
        || decided_on(&OVERLAYFS, &["lesson-2", "lesson-5"]),
    ),
    (
        "on xfs a lesson decides the claims that it decides on ext4",
        || decided_on(&XFS, &["lesson-5", "lesson-8"]),
    ),
    (
        "on btrfs a lesson decides the claims that it decides on ext4",
        || decided_on(&BTRFS, &["lesson-3", "lesson-5", "lesson-6"]),
    ),
    (
        "a killed run leaves no image, mount or loop device behind",
        after_a_kill,
    ),
    (
        "without a usable mkfs.ext4 the run says so and uses the directory as it is",
        no_mkfs,
    ),
];

fn run_on(disk: &Path, lesson: &str) -> Result<Ran> {
    let mut options = options_of(lesson).to_vec();
    let disk = disk.to_string_lossy();
    options.extend(["--work-dir", &disk]);
    tracer::run(lesson.as_ref(), &options)
}

fn claims(recording: &Recording, verdict: &str) -> Result<BTreeSet<String>> {
    let claims = recording.0["claims"].as_array().context("no claims")?;
    let chosen = claims.iter().filter(|claim| claim["verdict"] == verdict);
    let ids = chosen.map(|claim| claim["id"].as_str().map(str::to_owned));
    ids.collect::<Option<_>>().context("a claim without an id")
}

fn decided_on(kind: &Kind, lessons: &[&'static str]) -> Result<Outcome> {
    let disk = match Disk::of(kind)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let loops = loop_devices()?;
    for lesson in lessons {
        let recording = run_on(&disk.path(), lesson)?.expect()?;
        let machine = &recording.0["machine"];
        ensure!(machine["file_system"] == "ext4", "{machine}");
        ensure!(machine["image_on"] == kind.name, "{machine}");
        let failed = claims(&recording, "fails")?;
        ensure!(failed.is_empty(), "{lesson}: {failed:?} failed");
        let undecided = claims(&recording, "unobservable")?;
        let on_ext4 = claims(&recording_of(lesson)?, "unobservable")?;
        ensure!(
            undecided.is_subset(&on_ext4),
            "{lesson}: {undecided:?} are unobservable, on ext4 {on_ext4:?}"
        );
        ensure!(!claims(&recording, "holds")?.is_empty(), "no claim holds");
    }
    must_be_empty(&disk.path())?;
    ensure!(loop_devices()? == loops, "a loop device is still in use");
    Ok(Outcome::Passed)
}

/// The loop devices that have a file.
fn loop_devices() -> Result<BTreeSet<PathBuf>> {
    let devices = fs::read_dir("/sys/block").context("/sys/block")?;
    let files = devices.filter_map(|entry| Some(entry.ok()?.path().join("loop/backing_file")));
    Ok(files.filter(|file| file.exists()).collect())
}

/// The empty directory stays: the next run removes it once it is a minute old.
fn after_a_kill() -> Result<Outcome> {
    let disk = match Disk::of(&TMPFS)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let (before, loops) = (Machine::now()?, loop_devices()?);
    for delay_ms in [60, 150, 300, 600, 1200] {
        let mut start = Start::of("run")?;
        let arguments = ["lesson-5", "--no-wait", "--work-dir"];
        start.command.args(arguments).arg(disk.path());
        let running = start.spawn()?;
        std::thread::sleep(Duration::from_millis(delay_ms));
        signal(&running.child, Signal::SIGKILL);
        running.finish()?;
        before.must_be_as_before()?;
        let mut tries = 0;
        while loop_devices()? != loops {
            ensure!(
                tries < 100,
                "killed after {delay_ms} ms: a loop device is in use"
            );
            tries += 1;
            std::thread::sleep(Duration::from_millis(50));
        }
        for left in fs::read_dir(disk.path())?.filter_map(Result::ok) {
            must_be_empty(&left.path()).with_context(|| format!("killed after {delay_ms} ms"))?;
            fs::remove_dir(left.path()).context("rmdir")?;
        }
    }
    Ok(Outcome::Passed)
}

/// In a mount namespace in which mkfs.ext4 is a program that only fails.
fn no_mkfs() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("unshare") {
        return Ok(Outcome::Skipped(reason));
    }
    let disk = match Disk::of(&TMPFS)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let script = "mount --bind /bin/false \"$(command -v mkfs.ext4)\" && exec \"$@\"";
    let mut start = Start::of("run")?;
    let arguments = ["lesson-5", "--no-wait", "--work-dir"];
    start.command.args(arguments).arg(disk.path());
    let mut wrapped = Command::new("unshare");
    wrapped
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(start.command.get_program())
        .args(start.command.get_args())
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .process_group(0);
    start.command = wrapped;
    let ran = start.finish()?;
    let error = ran.must_exit_with(3)?;
    ensure!(
        error.contains("mkfs.ext4 ended with exit status: 1"),
        "{error}"
    );
    let recording = ran.expect()?;
    let machine = &recording.0["machine"];
    ensure!(machine["file_system"] == "tmpfs" && machine["image_on"].is_null());
    ensure!(claims(&recording, "fails")?.is_empty());
    Ok(Outcome::Passed)
}
