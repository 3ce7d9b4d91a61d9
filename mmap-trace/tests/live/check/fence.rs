//! What a hostile lesson, environment or directory cannot do to whoever starts the tracer.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, symlink},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::Signal,
    stat::Mode,
};

use super::{
    leftovers::{must_be_empty, signal},
    start_play,
};
use crate::{
    harness::{Outcome, Test},
    tracer::{self, open_directory},
};

pub(super) const TESTS: &[Test] = &[
    ("a lesson reads nothing from standard input", || {
        plays("standard-input")
    }),
    ("a lesson has no privileges", || plays("privileges")),
    ("a fork bomb is stopped", || plays("fork-bomb")),
    ("a file of a tebibyte is refused", || plays("large-file")),
    ("a lesson dumps no core", || plays("core-and-descriptors")),
    ("ten thousand nested directories are removed", || {
        plays("deep-tree")
    }),
    ("twenty thousand directories are removed", || {
        plays("wide-tree")
    }),
    ("directories without permissions are removed", || {
        plays("closed-tree")
    }),
    ("a lesson dies first when memory runs out", || {
        plays("out-of-memory")
    }),
    (
        "what the tracer cannot remove is named with the command that removes it",
        immutable,
    ),
    (
        "who swaps links under the tracer gets no file of root",
        swapped_links,
    ),
    ("ids that would keep root are refused", wrong_ids),
    ("an output path that is no plain file is refused", outputs),
];

/// The play checks itself, and leaves nothing behind.
fn plays(name: &str) -> Result<Outcome> {
    let directory = open_directory()?;
    let shown = directory.path().to_string_lossy();
    let ran = tracer::repeat_if_skipped(|| {
        let mut start = start_play(name)?;
        start.command.args(["--work-dir", &shown]);
        lower_descriptors(&mut start.command);
        start.finish()
    })?;
    let error = ran.error();
    ensure!(!error.contains("cannot remove"), "{error}");
    let recording = ran.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}

/// The soft limit that most shells give; the hard one stays.
const DESCRIPTORS: u64 = 1024;

fn lower_descriptors(command: &mut Command) {
    // SAFETY: both calls are async-signal-safe and touch no memory.
    unsafe {
        command.pre_exec(|| {
            let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
            setrlimit(Resource::RLIMIT_NOFILE, DESCRIPTORS.min(hard), hard)?;
            Ok(())
        });
    }
}

fn wrong_ids() -> Result<Outcome> {
    for (variable, value) in [
        ("SUDO_UID", "4294967295"),
        ("SUDO_UID", "-1"),
        ("SUDO_UID", "4294967296"),
        ("SUDO_UID", "root"),
        ("SUDO_GID", "4294967295"),
    ] {
        let mut start = start_play("privileges")?;
        start.command.env(variable, value);
        let error = start.finish()?.must_exit_with(2)?;
        ensure!(error.contains(variable), "{variable}={value}: {error}");
        let mut command = tracer::command(["exec", "--", "true"])?;
        let output = command.env(variable, value).output()?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.code() == Some(125) && error.contains(variable),
            "exec with {variable}={value}: {} {error}",
            output.status
        );
    }
    Ok(Outcome::Passed)
}

fn outputs() -> Result<Outcome> {
    let directory = open_directory()?;
    let at = |name: &str| directory.path().join(name);
    fs::write(at("kept"), "kept")?;
    symlink(at("nowhere"), at("dangling"))?;
    symlink(at("kept"), at("link"))?;
    fs::hard_link(at("kept"), at("hard"))?;
    nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU)?;
    for name in ["dangling", "link", "hard", "fifo", "."] {
        let (code, error) = write_to(&at(name))?;
        ensure!(
            code == Some(125) && error.contains("cannot write to"),
            "{name}: {code:?} {error}"
        );
    }
    ensure!(fs::read_to_string(at("kept"))? == "kept");
    ensure!(!at("nowhere").exists());
    for path in [
        &*at("new"),
        Path::new("/dev/null"),
        Path::new("/dev/stdout"),
    ] {
        let (code, error) = write_to(path)?;
        ensure!(code == Some(0), "{}: {code:?} {error}", path.display());
    }
    ensure!(fs::metadata(at("new"))?.len() > 0);
    Ok(Outcome::Passed)
}

fn write_to(path: &Path) -> Result<(Option<i32>, String)> {
    let mut command = tracer::command(["exec", "--output"])?;
    let child = command.arg(path).args(["--", "true"]).spawn()?;
    let output = tracer::wait(child, Duration::from_mins(1))?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((output.status.code(), error))
}

/// The entries of a directory.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let listing = fs::read_dir(directory).into_iter().flatten();
    listing
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

fn immutable() -> Result<Outcome> {
    let directory = open_directory()?;
    let mut start = start_play("endless")?;
    start.command.arg("--work-dir").arg(directory.path());
    let running = start.spawn()?;
    let kept = wait_for_work(directory.path())?.join("kept");
    fs::write(&kept, "")?;
    let change = |flag: &str| Command::new("chattr").arg(flag).arg(&kept).status();
    if !change("+i").is_ok_and(|status| status.success()) {
        signal(&running.child, Signal::SIGINT);
        running.finish()?;
        return Ok(Outcome::Skipped("no chattr +i here".to_owned()));
    }
    signal(&running.child, Signal::SIGINT);
    let error = running.finish()?.error();
    change("-i").context("chattr -i")?;
    for part in ["left 1 entries", "kept", "cannot remove", "chattr"] {
        ensure!(error.contains(part), "no {part:?}: {error}");
    }
    Ok(Outcome::Passed)
}

fn wait_for_work(parent: &Path) -> Result<PathBuf> {
    for _ in 0..1000 {
        if let Some(work) = entries(parent).pop() {
            return Ok(work);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("no work directory in {}", parent.display())
}

/// Runs that end as soon as they have a work directory, and runs that use it.
const ROUNDS: [(usize, &str); 2] = [(100, "1000000GiB"), (4, "1MiB")];

/// On a disk, and where the tracer mounts an image.
fn swapped_links() -> Result<Outcome> {
    for parent in ["/var/tmp", "/dev/shm"] {
        let top = tempfile::tempdir_in(parent).context("tempdir")?;
        let (work, secret) = (top.path().join("work"), top.path().join("secret"));
        fs::create_dir(&work)?;
        fs::create_dir(&secret)?;
        fs::write(secret.join("kept"), "kept")?;
        let has_ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| swap(&work, &secret, &has_ended));
            let ran = run_in(&work);
            has_ended.store(true, Relaxed);
            ran
        })?;
        for path in [&secret, &secret.join("kept")] {
            let metadata = fs::symlink_metadata(path)?;
            let (uid, gid) = (metadata.uid(), metadata.gid());
            ensure!((uid, gid) == (0, 0), "{} has {uid}:{gid}", path.display());
        }
        ensure!(entries(&secret).len() == 1, "{:?}", entries(&secret));
    }
    Ok(Outcome::Passed)
}

/// Replaces each work directory by a link as soon as it is seen, as its owner can.
fn swap(work: &Path, secret: &Path, has_ended: &AtomicBool) {
    while !has_ended.load(Relaxed) {
        for path in entries(work) {
            if path.extension().is_none() && !path.is_symlink() {
                let _ = fs::rename(&path, path.with_extension("aside"));
                let _ = symlink(secret, &path);
            }
        }
    }
}

/// Runs lessons, which may fail.
fn run_in(work: &Path) -> Result<()> {
    for (rounds, size) in ROUNDS {
        for _ in 0..rounds {
            let mut start = start_play("core-and-descriptors")?;
            start.command.args(["--size", size, "--work-dir"]).arg(work);
            let error = start.finish()?.error();
            ensure!(!error.contains("panicked"), "{error}");
        }
    }
    Ok(())
}
