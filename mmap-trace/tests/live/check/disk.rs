//! Disks that are too small, or that fill up during a lesson.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::play;
use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    oracle,
    tracer::{self, Ran},
};

pub(super) const TESTS: &[Test] = &[
    (
        "a disk too small for the lesson is reported before the run",
        too_small,
    ),
    (
        "a disk that fills up ends the run with a reason and keeps what was measured",
        full,
    ),
];

/// A small ext4 file system in a file, unmounted when dropped.
struct Disk {
    directory: TempDir,
}

impl Disk {
    /// The inner error is the reason why this machine cannot mount one.
    fn new(mebibytes: u64) -> Result<Result<Disk, String>> {
        if let Some(reason) = oracle::missing("mkfs.ext4").or_else(|| oracle::missing("mount")) {
            return Ok(Err(reason));
        }
        let directory = tracer::open_directory()?;
        let image = directory.path().join("image");
        fs::File::create(&image)?
            .set_len(mebibytes << 20)
            .context("truncate")?;
        let disk = Disk { directory };
        fs::create_dir(disk.path())?;
        let has_made = succeeds(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&image))?;
        let mut mount = Command::new("mount");
        mount.args(["-o", "loop"]).arg(&image).arg(disk.path());
        if !has_made || !succeeds(&mut mount)? {
            return Ok(Err(
                "no file system can be mounted from a file here".to_owned()
            ));
        }
        Ok(Ok(disk))
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}

fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(command
        .output()
        .with_context(|| format!("{command:?}"))?
        .status
        .success())
}

/// Runs a play with its work directory on `disk`.
fn play_on(disk: &Path, name: &str, size: &str) -> Result<Ran> {
    play(
        name,
        &["--size", size, "--work-dir", &disk.to_string_lossy()],
    )
}

fn too_small() -> Result<Outcome> {
    let disk = match Disk::new(16)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let ran = play_on(&disk.path(), "fail", "64MiB")?;
    let error = ran.must_exit_with(2)?;
    ensure!(
        error.contains("--work-dir") && error.contains("--size"),
        "{error}"
    );
    ensure!(!error.contains("on purpose"), "the lesson was run: {error}");
    ensure!(ran.recording.is_none(), "there is a recording");
    Ok(Outcome::Passed)
}

fn full() -> Result<Outcome> {
    let disk = match Disk::new(16)? {
        Ok(disk) => disk,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    let before = Machine::now()?;
    let ran = play_on(&disk.path(), "fill-the-disk", "1MiB")?;
    let error = ran.must_exit_with(2)?;
    ensure!(error.contains("No space left on device"), "{error}");
    let recording = ran
        .recording
        .with_context(|| format!("no recording: {error}"))?;
    ensure!(
        recording.0["incomplete"].is_string(),
        "nothing says that it is incomplete"
    );
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    let left = fs::read_dir(disk.path())?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name());
    let left: Vec<_> = left.filter(|name| name != "lost+found").collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(Outcome::Passed)
}
