//! The traced process: forked before anything is loaded, released when everything is attached.
//!
//! It is forked early for three reasons: the tracer is small and single-threaded then; its
//! descriptor table is still the embedded one, which the fast way to a file's kind needs; and the
//! UTS namespace that makes it a member is known before the programs are loaded.

use std::{
    ffi::CString,
    fs,
    io::{IoSlice, IoSliceMut, Read as _},
    os::{
        fd::{AsFd as _, AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    fcntl::{FcntlArg, fcntl},
    sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
    unistd::{ForkResult, Pid, fork},
};

use super::{identity::Identity, membership::Membership};

/// Descriptor under which a lesson finds its session page.
pub const PAGE_DESCRIPTOR: RawFd = 3;

/// What the child becomes.
pub enum Image {
    /// A lesson's binary by descriptor: its path may lie in a directory closed to its account.
    Lesson(OwnedFd),
    /// A command, as the paths where it may lie.
    Command(Vec<CString>),
}

/// Where the child's standard output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdout {
    /// Where the tracer's goes.
    Inherited,
    /// To standard error, because the tracer's own result owns standard output.
    ToStderr,
}

/// Everything the child needs, prepared before the fork: after it nothing may allocate.
pub struct Plan {
    /// What it becomes.
    pub image: Image,
    /// Its arguments with argument 0.
    pub arguments: Vec<CString>,
    /// Its environment.
    pub environment: Vec<CString>,
    /// Its working directory.
    pub directory: Option<OwnedFd>,
    /// Its account; `None` keeps the tracer's.
    pub identity: Option<Identity>,
    /// Its standard output.
    pub stdout: Stdout,
}

/// A forked child that waits for its release.
pub struct Waiting {
    /// Its process id.
    pub pid: Pid,
    /// How the kernel programs know it.
    pub membership: Membership,
    channel: UnixStream,
}

/// How starting a command failed, with the errno of exec.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {command}: {errno}")]
pub struct CannotRun {
    /// The command.
    pub command: String,
    /// Why.
    pub errno: Errno,
}

/// Forks the child, which moves into its own UTS namespace and waits.
pub fn fork_waiting(plan: &Plan) -> Result<Waiting> {
    let (ours, theirs) = UnixStream::pair().context("socketpair()")?;
    let arguments = pointers(&plan.arguments);
    let environment = pointers(&plan.environment);
    // SAFETY: the process has one thread; the child calls only async-signal-safe functions.
    match unsafe { fork() }.context("fork()")? {
        ForkResult::Parent { child } => {
            drop(theirs);
            let membership = expect_ready(&ours, child)?;
            Ok(Waiting {
                pid: child,
                membership,
                channel: ours,
            })
        }
        ForkResult::Child => {
            drop(ours);
            let errno = become_image(plan, &theirs, &arguments, &environment);
            let _ = nix::unistd::write(&theirs, &(errno as i32).to_ne_bytes());
            // SAFETY: ends the child without running the tracer's destructors.
            unsafe { libc::_exit(125) }
        }
    }
}

/// The child says whether it could leave the tracer's UTS namespace.
fn expect_ready(channel: &UnixStream, child: Pid) -> Result<Membership> {
    let mut answer = [0; 4];
    (&*channel)
        .read_exact(&mut answer)
        .context("the traced process ended before it could start")?;
    match Errno::from_raw(i32::from_ne_bytes(answer)) {
        Errno::UnknownErrno => Ok(Membership::Namespace(uts_number(child)?)),
        Errno::EPERM => {
            nix::sys::prctl::set_child_subreaper(true).context("prctl(PR_SET_CHILD_SUBREAPER)")?;
            Ok(Membership::Table)
        }
        errno => bail!("unshare(CLONE_NEWUTS) failed: {errno}"),
    }
}

/// Inode number of a process's UTS namespace.
fn uts_number(pid: Pid) -> Result<u32> {
    let path = format!("/proc/{pid}/ns/uts");
    let number = fs::metadata(&path)
        .with_context(|| format!("stat({path})"))?
        .ino();
    u32::try_from(number).with_context(|| format!("{path} has number {number}"))
}

impl Waiting {
    /// Lets the child go, with the session page if it is a lesson. Returns when it runs. `number` is
    /// what [`Membership::draw_number`] drew.
    pub fn release(self, page: Option<BorrowedFd<'_>>, number: u64, command: &str) -> Result<Pid> {
        let descriptors: Vec<RawFd> = page.iter().map(BorrowedFd::as_raw_fd).collect();
        let messages = [ControlMessage::ScmRights(&descriptors)];
        let messages = if descriptors.is_empty() {
            &messages[..0]
        } else {
            &messages[..]
        };
        sendmsg::<()>(
            self.channel.as_raw_fd(),
            &[IoSlice::new(&number.to_ne_bytes())],
            messages,
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .context("sendmsg(release)")?;
        let mut answer = [0; 4];
        // The channel closes on exec: no answer is the good one.
        if (&self.channel).read_exact(&mut answer).is_ok() {
            return Err(CannotRun {
                command: command.to_owned(),
                errno: Errno::from_raw(i32::from_ne_bytes(answer)),
            }
            .into());
        }
        Ok(self.pid)
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
    plan: &Plan,
    channel: &UnixStream,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    let (channel, binary) = match out_of_the_way(plan, channel) {
        Ok(moved) => moved,
        Err(errno) => return errno,
    };
    if let Err(errno) = die_with_parent() {
        return errno;
    }
    let unshared = nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWUTS);
    let answer = unshared.err().map_or(0, |errno| errno as i32);
    let _ = nix::unistd::write(&channel, &answer.to_ne_bytes());
    match wait_for_release(&channel) {
        Err(errno) => errno,
        Ok(page) => match enter(plan, page) {
            Err(errno) => errno,
            Ok(()) => execute(plan, binary.as_ref(), arguments, environment),
        },
    }
}

/// Copies of the channel and the lesson's binary above the numbers that a lesson gets, and below 64:
/// a larger number would make the kernel replace the embedded descriptor table.
fn out_of_the_way(plan: &Plan, channel: &UnixStream) -> nix::Result<(OwnedFd, Option<OwnedFd>)> {
    let moved = |descriptor: BorrowedFd<'_>| {
        let number = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(PAGE_DESCRIPTOR + 1))?;
        // SAFETY: just made; nobody else owns it.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    };
    let binary = match &plan.image {
        Image::Lesson(binary) => Some(moved(binary.as_fd())?),
        Image::Command(_) => None,
    };
    Ok((moved(channel.as_fd())?, binary))
}

/// Also for kill -9 of the tracer: the kernel kills the child then.
fn die_with_parent() -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
}

fn wait_for_release(channel: &OwnedFd) -> nix::Result<Option<OwnedFd>> {
    let mut word = [0; 8];
    let mut slices = [IoSliceMut::new(&mut word)];
    let mut space = nix::cmsg_space!([RawFd; 1]);
    let message = recvmsg::<()>(
        channel.as_raw_fd(),
        &mut slices,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    if message.bytes == 0 {
        // The tracer is gone or gave up.
        return Err(Errno::ECANCELED);
    }
    let mut page = None;
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control
            && let Some(&descriptor) = descriptors.first()
        {
            // SAFETY: just received; nobody else owns it.
            page = Some(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
    show_number(u64::from_ne_bytes(word));
    Ok(page)
}

/// The kernel programs adopt the task that passes this number; the call itself takes no argument.
fn show_number(number: u64) {
    if number != 0 {
        // SAFETY: getppid(2) reads no memory.
        unsafe { libc::syscall(libc::SYS_getppid, number) };
    }
}

/// Directory, account, descriptors and signals, in the order in which rights are given up.
fn enter(plan: &Plan, page: Option<OwnedFd>) -> nix::Result<()> {
    if let Some(directory) = &plan.directory {
        nix::unistd::fchdir(directory)?;
    }
    if plan.stdout == Stdout::ToStderr {
        nix::unistd::dup2_stdout(std::io::stderr())?;
    }
    if matches!(plan.image, Image::Lesson(_)) {
        only_the_page(page)?;
    }
    if let Some(identity) = &plan.identity {
        nix::unistd::setgroups(&[])?;
        nix::unistd::setresgid(identity.gid, identity.gid, identity.gid)?;
        nix::unistd::setresuid(identity.uid, identity.uid, identity.uid)?;
        if matches!(plan.image, Image::Lesson(_)) {
            nix::sys::prctl::set_no_new_privs()?;
        }
    }
    // The change of account cleared it.
    die_with_parent()?;
    // The Rust runtime ignores SIGPIPE, and ignored signals survive exec.
    // SAFETY: restores the default action.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    super::signals::release()
}

/// A lesson gets standard streams and the page, and nothing else of the tracer.
fn only_the_page(page: Option<OwnedFd>) -> nix::Result<()> {
    let mut first_closed = PAGE_DESCRIPTOR;
    if let Some(page) = page {
        // SAFETY: dup2 onto a number that nothing owns in this process from here on; without
        // close-on-exec, unlike the original.
        Errno::result(unsafe { libc::dup2(page.as_raw_fd(), PAGE_DESCRIPTOR) })?;
        // If it already had the number, only the flag is in the way.
        // SAFETY: sets a flag of an open descriptor.
        Errno::result(unsafe { libc::fcntl(PAGE_DESCRIPTOR, libc::F_SETFD, 0) })?;
        if page.as_raw_fd() == PAGE_DESCRIPTOR {
            std::mem::forget(page);
        }
        first_closed += 1;
    }
    // SAFETY: marks descriptors; the image's own is needed until exec.
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
    plan: &Plan,
    binary: Option<&OwnedFd>,
    arguments: &[*const libc::c_char],
    environment: &[*const libc::c_char],
) -> Errno {
    let candidates = match &plan.image {
        Image::Lesson(_) => {
            // SAFETY: all pointers are null-terminated arrays of C strings that live until exec.
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
    // As execvp(3): a file that may not be run is remembered, the search goes on.
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

/// Descriptors from 3 on that the tracer was started with.
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

/// Closes descriptors that we inherited, so that the child's table stays the embedded one.
pub fn close_inherited(descriptors: &[RawFd]) {
    for &descriptor in descriptors {
        let _ = nix::unistd::close(descriptor);
    }
}
