//! The traced process: forked before anything is loaded, released when everything is attached.
//!
//! It is forked early for two reasons: the tracer is still small and single-threaded; and its descriptor table
//! is still the one embedded in `files_struct`, where the kernel programs find a file fastest.

use std::{
    ffi::CString,
    fs,
    os::{
        fd::{AsFd as _, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::stat::Mode,
    unistd::{ForkResult, fork},
};

use super::{
    fence::{self, Fence, Limit},
    guardian::{self, Guardian},
    identity::Identity,
    orders::{self, Waiting, Workload},
    signals,
    terminal::Terminal,
    watch::watch,
};

/// Descriptor under which a lesson finds its session page.
pub const PAGE_DESCRIPTOR: RawFd = 3;

pub enum Image {
    /// A lesson's binary, as a descriptor, because its account may not be allowed to open the path.
    Lesson(OwnedFd),
    /// A command, as the paths to try in order.
    Command(Vec<CString>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// To the tracer's standard output.
    Inherited,
    /// To standard error, because the tracer prints its result to standard output.
    ToStderr,
}

/// Everything the child needs. It is prepared before the fork, because the child should not allocate.
pub struct Launch {
    pub image: Image,
    /// The arguments, including argument 0.
    pub arguments: Vec<CString>,
    pub environment: Vec<CString>,
    pub directory: Option<OwnedFd>,
    /// The account to switch to; `None` keeps the tracer's.
    pub identity: Option<Identity>,
    pub stdout: Stdout,
    pub fence: Fence,
    /// Upper limits of its resources.
    pub limits: Vec<Limit>,
}

/// Forks the guardian, which forks the child, which waits. The child runs `workload` when it is told to
/// calibrate.
pub fn fork_waiting(launch: &Launch, workload: Workload) -> Result<Waiting> {
    let (ours, theirs) = UnixStream::pair().context("socketpair()")?;
    let (connection, guardians) = guardian::connect()?;
    let arguments = pointers(&launch.arguments);
    let environment = pointers(&launch.environment);
    let terminal = Terminal::save(launch.fence);
    // SAFETY: the process has one thread.
    match unsafe { fork() }.context("fork()")? {
        ForkResult::Parent { child } => {
            drop((theirs, guardians));
            Waiting::expect_ready(Guardian::expect_start(child, connection)?, ours)
        }
        ForkResult::Child => {
            // Who holds an end of the tracer's would never see that the tracer is dead.
            drop((ours, connection));
            let _ = guard(guardians, theirs, |channel| {
                become_image(launch, channel, workload, &arguments, &environment)
            });
            // Here, because the guardian lives longer than the program, also if the tracer is killed.
            terminal.restore();
            // SAFETY: ends the guardian without running the tracer's destructors.
            unsafe { libc::_exit(0) }
        }
    }
}

/// The guardian's side: forks the child, which runs `become_image`, and watches over it.
fn guard(
    connection: OwnedFd,
    channel: UnixStream,
    become_image: impl FnOnce(&UnixStream) -> Errno,
) -> nix::Result<()> {
    nix::sys::prctl::set_child_subreaper(true)?;
    // SAFETY: the process has one thread; the child calls only async-signal-safe functions.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            drop(channel);
            watch(connection, child)
        }
        ForkResult::Child => {
            drop(connection);
            let errno = become_image(&channel);
            let _ = nix::unistd::write(&channel, &(errno as i32).to_ne_bytes());
            // SAFETY: ends the child without running the tracer's destructors.
            unsafe { libc::_exit(125) }
        }
    }
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings
        .iter()
        .map(|string| string.as_ptr())
        .chain([std::ptr::null()])
        .collect()
}

/// The child's side. Returns only if something failed.
fn become_image(
    launch: &Launch,
    channel: &UnixStream,
    workload: Workload,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    let (channel, binary) = match move_descriptors(launch, channel) {
        Ok(moved) => moved,
        Err(errno) => return errno,
    };
    if let Err(errno) = signals::die_with_parent() {
        return errno;
    }
    let _ = nix::unistd::write(&channel, &0_i32.to_ne_bytes());
    match orders::follow(&channel, workload) {
        Err(errno) => errno,
        Ok(page) => match enter(launch, page) {
            Err(errno) => errno,
            Ok(()) => execute(launch, binary.as_ref(), arguments, environment),
        },
    }
}

/// Duplicates the channel and the lesson's binary to numbers above those that a lesson gets, and below 64: at
/// 64 the kernel would replace the embedded descriptor table (`NR_OPEN_DEFAULT`).
fn move_descriptors(
    launch: &Launch,
    channel: &UnixStream,
) -> nix::Result<(OwnedFd, Option<OwnedFd>)> {
    let moved = |descriptor: BorrowedFd<'_>| {
        let number = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(PAGE_DESCRIPTOR + 1))?;
        // SAFETY: the descriptor is new, so nothing else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    };
    let binary = match &launch.image {
        Image::Lesson(binary) => Some(moved(binary.as_fd())?),
        Image::Command(_) => None,
    };
    Ok((moved(channel.as_fd())?, binary))
}

/// Sets directory, descriptors, account and signals, in the order in which privileges allow it.
fn enter(launch: &Launch, page: Option<OwnedFd>) -> nix::Result<()> {
    if let Some(directory) = &launch.directory {
        nix::unistd::fchdir(directory)?;
    }
    if launch.stdout == Stdout::ToStderr {
        nix::unistd::dup2_stdout(std::io::stderr())?;
    }
    if matches!(launch.image, Image::Lesson(_)) {
        read_nothing()?;
        only_the_page(page)?;
    }
    if launch.fence != Fence::Open {
        // Typing into a terminal (TIOCSTI) needs it as controlling terminal; a new session has none.
        nix::unistd::setsid()?;
    }
    fence::apply(&launch.limits)?;
    if launch.fence == Fence::Lesson {
        nix::sys::prctl::set_no_new_privs()?;
        fence::drop_bounding_set();
        fence::die_first();
    }
    if let Some(identity) = &launch.identity {
        fence::become_account(identity)?;
        fence::verify(identity, launch.fence)?;
    }
    // The change of account cleared the setting.
    signals::die_with_parent()?;
    // The Rust runtime ignores SIGPIPE, and ignored signals survive exec.
    // SAFETY: restores the default action.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    signals::release()
}

/// Gives a lesson a standard input that ends at once.
fn read_nothing() -> nix::Result<()> {
    let nothing = nix::fcntl::open(c"/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    nix::unistd::dup2_stdin(nothing)
}

/// Leaves a lesson only the standard streams and the page.
fn only_the_page(page: Option<OwnedFd>) -> nix::Result<()> {
    let mut first_closed = PAGE_DESCRIPTOR;
    if let Some(page) = page {
        // SAFETY: from here on, nothing else in this process owns the number. The duplicate is not
        // close-on-exec, unlike the original.
        Errno::result(unsafe { libc::dup2(page.as_raw_fd(), PAGE_DESCRIPTOR) })?;
        // If the page already had the number, dup2 left its close-on-exec flag set.
        // SAFETY: sets a flag of an open descriptor.
        Errno::result(unsafe { libc::fcntl(PAGE_DESCRIPTOR, libc::F_SETFD, 0) })?;
        if page.as_raw_fd() == PAGE_DESCRIPTOR {
            std::mem::forget(page);
        }
        first_closed += 1;
    }
    // SAFETY: only sets close-on-exec, because exec still needs the descriptor of the binary.
    Errno::result(unsafe {
        libc::syscall(
            libc::SYS_close_range,
            first_closed,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    })
    .map(drop)
}

fn execute(
    launch: &Launch,
    binary: Option<&OwnedFd>,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    let candidates = match &launch.image {
        Image::Lesson(_) => {
            // SAFETY: the pointers are null-terminated arrays of C strings that live until exec.
            unsafe {
                libc::syscall(
                    libc::SYS_execveat,
                    binary.map_or(-1, AsRawFd::as_raw_fd),
                    c"".as_ptr(),
                    arguments.as_ptr(),
                    environment.as_ptr(),
                    libc::AT_EMPTY_PATH,
                );
            }
            return Errno::last();
        }
        Image::Command(candidates) => candidates,
    };
    // Like execvp(3), remember that a file may not be executed, and continue the search.
    let mut worst = Errno::ENOENT;
    for path in candidates {
        // SAFETY: as above.
        unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
        match Errno::last() {
            Errno::ENOENT | Errno::ENOTDIR => {}
            other => worst = other,
        }
    }
    worst
}

/// The descriptors above 2 with which the tracer was started.
#[must_use]
pub fn inherited_descriptors() -> Vec<RawFd> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return Vec::new();
    };
    let numbers: Vec<RawFd> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&number| number > 2)
        .collect();
    // The listing's own descriptor is closed by now.
    numbers
        .into_iter()
        .filter(|&number| fs::read_link(format!("/proc/self/fd/{number}")).is_ok())
        .collect()
}

/// Closes inherited descriptors, so that the child keeps the embedded descriptor table.
pub fn close_inherited(descriptors: &[RawFd]) {
    for &descriptor in descriptors {
        let _ = nix::unistd::close(descriptor);
    }
}
