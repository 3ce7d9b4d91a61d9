//! What a hostile lesson, environment or directory cannot do to whoever starts the tracer.

use std::{
    fs,
    os::unix::{fs::symlink, process::CommandExt as _},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    pty::{OpenptyResult, openpty},
    sys::{
        signal::Signal,
        stat::Mode,
        termios::{LocalFlags, tcgetattr},
    },
};

use super::{
    leftovers::{must_be_empty, signal},
    play, start_play,
};
use crate::{
    harness::{Outcome, Test},
    tracer::{self, Start, open_directory},
};

pub(super) const TESTS: &[Test] = &[
    (
        "a lesson can neither type into the terminal nor leave it changed",
        || terminal("terminal", &[], None),
    ),
    ("Ctrl-C gives the terminal back as it was", || {
        terminal("terminal-for-ever", &[], Some(Signal::SIGINT))
    }),
    ("SIGTERM gives the terminal back as it was", || {
        terminal("terminal-for-ever", &[], Some(Signal::SIGTERM))
    }),
    ("the time limit gives the terminal back as it was", || {
        terminal("terminal-for-ever", &["--timeout", "1"], None)
    }),
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
    ("ids that would keep root are refused", wrong_ids),
    ("an output path that is no plain file is refused", outputs),
];

/// The play checks itself, and leaves nothing behind.
fn plays(name: &str) -> Result<Outcome> {
    let directory = open_directory()?;
    let shown = directory.path().to_string_lossy();
    let ran = play(name, &["--work-dir", &shown])?;
    let error = ran.error();
    ensure!(!error.contains("cannot be removed"), "{error}");
    let recording = ran.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    must_be_empty(directory.path())?;
    Ok(Outcome::Passed)
}

/// Starts the tracer on a terminal as a shell does.
fn on_terminal(mut start: Start, pair: &OpenptyResult) -> Result<Start> {
    let end = || pair.slave.try_clone().context("dup");
    start.command.stdin(Stdio::from(end()?));
    start.command.stdout(Stdio::null());
    start.command.stderr(Stdio::from(end()?));
    // SAFETY: both calls are async-signal-safe and touch no memory.
    unsafe {
        start.command.pre_exec(|| {
            nix::unistd::setsid()?;
            Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
            Ok(())
        });
    }
    Ok(start)
}

fn terminal(name: &str, options: &[&str], stop: Option<Signal>) -> Result<Outcome> {
    let pair = openpty(None, None).context("openpty")?;
    let flags = || fcntl(&pair.slave, FcntlArg::F_GETFL).map(OFlag::from_bits_retain);
    let (settings, before) = (tcgetattr(&pair.slave)?, flags()?);
    let mut start = on_terminal(start_play(name)?, &pair)?;
    start.command.args(options);
    let running = start.spawn()?;
    if let Some(number) = stop {
        let begin = Instant::now();
        while tcgetattr(&pair.slave)?
            .local_flags
            .contains(LocalFlags::ECHO)
        {
            ensure!(
                begin.elapsed() < Duration::from_secs(30),
                "no lesson spoils the terminal"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        signal(&running.child, number);
    }
    let ran = running.finish()?;
    ensure!(
        ran.recording.is_some(),
        "{}: no recording",
        ran.output.status
    );
    ensure!(
        tcgetattr(&pair.slave)? == settings,
        "the settings are changed"
    );
    ensure!(
        flags()? == before,
        "the flags are {:?}, not {before:?}",
        flags()?
    );
    let mut typed = 0;
    // SAFETY: the kernel writes one integer.
    Errno::result(unsafe {
        libc::ioctl(
            std::os::fd::AsRawFd::as_raw_fd(&pair.slave),
            libc::FIONREAD,
            &raw mut typed,
        )
    })?;
    ensure!(typed == 0, "the lesson typed {typed} bytes");
    Ok(Outcome::Passed)
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
            code == Some(125) && error.contains("cannot write the recording"),
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
