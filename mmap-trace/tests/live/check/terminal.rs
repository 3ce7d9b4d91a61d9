//! The terminal of whoever starts the tracer: what a traced program can do to it, and what reaches the program.

use std::{
    fs::{self, Permissions},
    os::{
        fd::AsRawFd as _,
        unix::{fs::PermissionsExt as _, process::CommandExt as _},
    },
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    pty::{OpenptyResult, openpty},
    sys::{
        signal::Signal,
        termios::{LocalFlags, Termios, tcgetattr},
    },
    unistd::write,
};
use tempfile::TempDir;

use super::{leftovers::signal, start_play};
use crate::{
    harness::{Outcome, Test},
    lesson,
    tracer::{Start, open_directory},
    workload,
};

pub(super) const TESTS: &[Test] = &[
    (
        "a lesson can neither type into the terminal nor leave it changed",
        || lesson("terminal", &[], None),
    ),
    ("Ctrl-C gives the terminal back as it was", || {
        lesson("terminal-for-ever", &[], Some(Signal::SIGINT))
    }),
    ("SIGTERM gives the terminal back as it was", || {
        lesson("terminal-for-ever", &[], Some(Signal::SIGTERM))
    }),
    ("SIGKILL gives the terminal back as it was", || {
        lesson("terminal-for-ever", &[], Some(Signal::SIGKILL))
    }),
    ("the time limit gives the terminal back as it was", || {
        lesson("terminal-for-ever", &["--timeout", "1"], None)
    }),
    (
        "the settings of whoever is in the foreground stay as they are",
        in_the_background,
    ),
    (
        "another account's command can neither type into the terminal nor leave it changed",
        || {
            let (seat, typed) = command(&["--user", "nobody"])?;
            seat.must_be_as_before()?;
            ensure!(typed == 0, "the command typed {typed} bytes");
            Ok(Outcome::Passed)
        },
    ),
    (
        "a command of the same account may use the terminal as without the tracer",
        || {
            let (seat, typed) = command(&[])?;
            ensure!(!seat.has_echo()?, "the echo is back");
            ensure!(typed > 0, "the command typed nothing");
            Ok(Outcome::Passed)
        },
    ),
    ("Ctrl-C reaches a command once", || ctrl_c(&[])),
    ("Ctrl-C reaches another account's command once", || {
        ctrl_c(&["--user", "nobody"])
    }),
];

/// A terminal and what it was at first.
struct Seat {
    pair: OpenptyResult,
    settings: Termios,
    flags: OFlag,
}

impl Seat {
    fn new() -> Result<Self> {
        let pair = openpty(None, None).context("openpty")?;
        Ok(Seat {
            settings: tcgetattr(&pair.slave).context("tcgetattr")?,
            flags: flags(&pair)?,
            pair,
        })
    }

    /// Makes the tracer start on the terminal as from a shell.
    fn take(&self, start: &mut Start) -> Result<()> {
        let end = || self.pair.slave.try_clone().context("dup");
        start.command.stdin(Stdio::from(end()?));
        start.command.stdout(Stdio::from(end()?));
        start.command.stderr(Stdio::from(end()?));
        // SAFETY: both calls are async-signal-safe and touch no memory.
        unsafe {
            start.command.pre_exec(|| {
                nix::unistd::setsid()?;
                Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        Ok(())
    }

    fn has_echo(&self) -> Result<bool> {
        let settings = tcgetattr(&self.pair.slave).context("tcgetattr")?;
        Ok(settings.local_flags.contains(LocalFlags::ECHO))
    }

    fn wait_for_echo(&self, wanted: bool) -> Result<()> {
        let begin = Instant::now();
        while self.has_echo()? != wanted {
            ensure!(
                begin.elapsed() < Duration::from_secs(30),
                "the echo is not {wanted}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn must_be_as_before(&self) -> Result<()> {
        let settings = tcgetattr(&self.pair.slave).context("tcgetattr")?;
        ensure!(settings == self.settings, "the settings are changed");
        let flags = flags(&self.pair)?;
        ensure!(
            flags == self.flags,
            "the flags are {flags:?}, not {:?}",
            self.flags
        );
        Ok(())
    }

    /// How many bytes a reader of the terminal would get.
    fn typed(&self) -> Result<i32> {
        let mut bytes = 0;
        // SAFETY: the kernel writes one integer.
        Errno::result(unsafe {
            libc::ioctl(self.pair.slave.as_raw_fd(), libc::FIONREAD, &raw mut bytes)
        })
        .context("FIONREAD")?;
        Ok(bytes)
    }
}

fn flags(pair: &OpenptyResult) -> Result<OFlag> {
    let flags = fcntl(&pair.slave, FcntlArg::F_GETFL).context("F_GETFL")?;
    Ok(OFlag::from_bits_retain(flags))
}

fn lesson(name: &str, options: &[&str], stop: Option<Signal>) -> Result<Outcome> {
    let seat = Seat::new()?;
    let mut start = start_play(name)?;
    seat.take(&mut start)?;
    start.command.arg("--no-predict").args(options);
    let running = start.spawn()?;
    if let Some(number) = stop {
        seat.wait_for_echo(false)
            .context("no lesson spoils the terminal")?;
        signal(&running.child, number);
    }
    let ran = running.finish()?;
    if stop == Some(Signal::SIGKILL) {
        // The guardian ends after the tracer.
        seat.wait_for_echo(true)?;
    } else {
        let status = ran.output.status;
        ensure!(ran.recording.is_some(), "{status}: no recording");
    }
    seat.must_be_as_before()?;
    let typed = seat.typed()?;
    ensure!(typed == 0, "the lesson typed {typed} bytes");
    Ok(Outcome::Passed)
}

/// A shell changes the settings while a lesson runs in the background.
fn in_the_background() -> Result<Outcome> {
    let seat = Seat::new()?;
    let start = start_play("endless")?;
    let mut command = Command::new("sh");
    command.args(["-m", "-c", "\"$@\" & sleep 1; stty -echo; wait", "sh"]);
    command.arg(start.command.get_program());
    command.args(start.command.get_args());
    command.args(["--no-predict", "--timeout", "2"]);
    let mut start = start.with(command);
    seat.take(&mut start)?;
    let ran = start.finish()?;
    ensure!(ran.recording.is_some(), "no recording");
    ensure!(!seat.has_echo()?, "the echo is back");
    Ok(Outcome::Passed)
}

/// A directory in which every account may make files.
fn shared_directory() -> Result<TempDir> {
    let directory = open_directory()?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).context("chmod")?;
    Ok(directory)
}

/// Traces a command that spoils the terminal. Returns also how many bytes it typed.
fn command(options: &[&str]) -> Result<(Seat, i32)> {
    let seat = Seat::new()?;
    let (folder, directory) = (lesson::folder()?, shared_directory()?);
    let shown = directory.path().to_string_lossy();
    let mut words = workload::command_line("spoiled-terminal", 1, &shown, false)?;
    // Here, every account can execute it.
    words[0] = folder
        .path()
        .join("lesson-t")
        .to_string_lossy()
        .into_owned();
    let mut start = Start::of("exec")?;
    seat.take(&mut start)?;
    start.command.args(options).arg("--").args(words);
    let status = start.finish()?.output.status;
    ensure!(status.success(), "{status}");
    let typed = seat.typed()?;
    Ok((seat, typed))
}

/// The character that the terminal turns into SIGINT.
const CTRL_C: &[u8] = b"\x03";

fn ctrl_c(options: &[&str]) -> Result<Outcome> {
    let (seat, directory) = (Seat::new()?, shared_directory()?);
    let at = |name: &str| directory.path().join(name);
    let script = format!(
        "trap 'echo >> {}' INT; : > {}; n=0; while [ $n -lt 20 ]; do sleep 0.05; n=$((n + 1)); done; exit 5",
        at("interrupts").display(),
        at("ready").display()
    );
    let mut start = Start::of("exec")?;
    seat.take(&mut start)?;
    start
        .command
        .args(options)
        .args(["--", "sh", "-c", &script]);
    let running = start.spawn()?;
    wait_for_file(&at("ready"))?;
    write(&seat.pair.master, CTRL_C).context("type")?;
    let ran = running.finish()?;
    let code = ran.output.status.code();
    ensure!(code == Some(5), "exit code {code:?}");
    let interrupts = fs::read(at("interrupts"))
        .context("no SIGINT arrived")?
        .len();
    ensure!(interrupts == 1, "{interrupts} SIGINT arrived");
    Ok(Outcome::Passed)
}

fn wait_for_file(path: &Path) -> Result<()> {
    let begin = Instant::now();
    while !path.exists() {
        ensure!(
            begin.elapsed() < Duration::from_secs(30),
            "the command did not start"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}
