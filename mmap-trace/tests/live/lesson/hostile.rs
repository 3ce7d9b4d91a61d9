//! Lessons that act against the account and the machine of whoever started the tracer.

use std::{fs, fs::File, os::fd::AsFd, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl, openat},
    sys::{
        resource::{Resource, getrlimit},
        signal::{SigHandler, Signal, kill, signal},
        stat::{Mode, mkdirat},
        termios::{LocalFlags, SetArg, tcgetattr, tcsetattr},
    },
    unistd::{ForkResult, fork, pause, read},
};

use super::{Page, disturb};

/// Types into a terminal, takes its echo away, and makes the descriptor non-blocking.
fn spoil(stream: impl AsFd) {
    let stream = stream.as_fd();
    for byte in *b"id\n" {
        // SAFETY: the kernel reads one byte.
        unsafe {
            libc::ioctl(
                std::os::fd::AsRawFd::as_raw_fd(&stream),
                libc::TIOCSTI,
                &raw const byte,
            )
        };
    }
    if let Ok(mut settings) = tcgetattr(stream) {
        settings
            .local_flags
            .remove(LocalFlags::ECHO | LocalFlags::ICANON);
        let _ = tcsetattr(stream, SetArg::TCSANOW, &settings);
    }
    let _ = fcntl(stream, FcntlArg::F_SETFL(OFlag::O_NONBLOCK));
}

/// Does that to each standard stream and to the controlling terminal.
pub(crate) fn spoil_all() {
    spoil(std::io::stdin());
    spoil(std::io::stdout());
    spoil(std::io::stderr());
    if let Ok(terminal) = File::open("/dev/tty") {
        spoil(terminal);
    }
}

pub(super) fn terminal(page: Page) -> Result<()> {
    spoil_all();
    disturb::finish_one(page)
}

pub(super) fn terminal_for_ever(page: Page) -> Result<()> {
    spoil_all();
    disturb::endless(page)
}

pub(super) fn standard_input(page: Page) -> Result<()> {
    let bytes = read(std::io::stdin(), &mut [0; 10]).context("read(stdin)")?;
    ensure!(bytes == 0, "standard input had {bytes} bytes");
    disturb::finish_one(page)
}

/// Reads what this process may do.
pub(super) fn privileges(page: Page) -> Result<()> {
    let status = fs::read_to_string("/proc/self/status").context("read(status)")?;
    for (field, wanted) in [
        ("Groups", ""),
        ("CapInh", "0000000000000000"),
        ("CapPrm", "0000000000000000"),
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("CapAmb", "0000000000000000"),
        ("NoNewPrivs", "1"),
    ] {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let value = line.with_context(|| format!("no {field}"))?;
        let value = value.trim_start_matches(':').trim();
        ensure!(value == wanted, "{field} is {value:?}, not {wanted:?}");
    }
    ensure!(!nix::unistd::getuid().is_root(), "this is root");
    disturb::finish_one(page)
}

/// Forks until the kernel refuses.
pub(super) fn fork_bomb(page: Page) -> Result<()> {
    let mut children = Vec::new();
    let refused = loop {
        ensure!(children.len() < 3000, "nothing stopped the fork bomb");
        // SAFETY: this process has one thread.
        match unsafe { fork() } {
            Ok(ForkResult::Parent { child }) => children.push(child),
            Ok(ForkResult::Child) => loop {
                pause();
            },
            Err(errno) => break errno,
        }
    };
    for &child in &children {
        let _ = kill(child, Signal::SIGKILL);
    }
    for child in children {
        crate::workload::join(child).expect_err("it was killed");
    }
    ensure!(refused == Errno::EAGAIN, "fork: {refused}");
    disturb::finish_one(page)
}

pub(super) fn large_file(page: Page) -> Result<()> {
    // SAFETY: ignoring a signal runs no handler.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.context("signal")?;
    let file = File::create("large").context("create")?;
    let grown = nix::unistd::ftruncate(&file, 1 << 40);
    ensure!(grown == Err(Errno::EFBIG), "ftruncate: {grown:?}");
    disturb::finish_one(page)
}

pub(super) fn core_and_descriptors(page: Page) -> Result<()> {
    ensure!(getrlimit(Resource::RLIMIT_CORE) == Ok((0, 0)));
    let (_, descriptors) = getrlimit(Resource::RLIMIT_NOFILE).context("getrlimit")?;
    ensure!(descriptors <= 65_536, "{descriptors} descriptors");
    disturb::finish_one(page)
}

/// Only reads what the kernel would go by.
pub(super) fn out_of_memory(page: Page) -> Result<()> {
    let path = "/proc/self/oom_score_adj";
    let score = fs::read_to_string(path).context("read")?;
    ensure!(score.trim() == "1000", "{path} is {score}");
    disturb::finish_one(page)
}

/// Leaves a chain of directories, longer than a path and a table of descriptors may be.
pub(super) fn deep_tree(page: Page) -> Result<()> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let mut current: std::os::fd::OwnedFd = File::open(".").context("open")?.into();
    for _ in 0..10_000 {
        mkdirat(&current, c"d", Mode::S_IRWXU).context("mkdirat")?;
        current = openat(&current, c"d", flags, Mode::empty()).context("openat")?;
    }
    disturb::finish_one(page)
}

pub(super) fn wide_tree(page: Page) -> Result<()> {
    for n in 0..10_000 {
        fs::create_dir_all(format!("{n}/child")).context("mkdir")?;
    }
    disturb::finish_one(page)
}

/// Leaves directories that only a process that ignores modes can search.
pub(super) fn closed_tree(page: Page) -> Result<()> {
    fs::create_dir_all("a/b/c").context("mkdir")?;
    for path in ["a/b", "a", "."] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o0)).context("chmod")?;
    }
    disturb::finish_one(page)
}
