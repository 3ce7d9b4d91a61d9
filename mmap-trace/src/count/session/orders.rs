//! What the tracer tells its waiting child: calibrate, then go.

use std::{
    fs,
    io::{IoSlice, IoSliceMut, Read as _},
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, Pid, alarm, fork},
};

use super::{membership::Membership, signals::die_with_parent};

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

/// What the child runs when it is told to calibrate: it gets the session page and a directory, and works
/// in a process of its own.
pub type Workload = fn(&OwnedFd, &OwnedFd) -> nix::Result<()>;

/// Seconds after which a calibration is stopped: a disk that hangs must not hold up the run.
const CALIBRATION_LIMIT_S: u32 = 10;

/// An order: its kind, and the number by which the child is adopted (0: it is a member).
struct Order {
    kind: u8,
    number: u64,
}

const CALIBRATE: u8 = b'c';
const GO: u8 = b'g';
/// Bytes of an order.
const ORDER: usize = 9;
/// Descriptors that an order carries at most.
const DESCRIPTORS: usize = 2;

impl Waiting {
    /// The child says whether it could leave the tracer's UTS namespace.
    pub(super) fn expect_ready(child: Pid, channel: UnixStream) -> Result<Waiting> {
        let mut answer = [0; 4];
        (&channel)
            .read_exact(&mut answer)
            .context("the traced process ended before it could start")?;
        let membership = match i32::from_ne_bytes(answer) {
            0 => Membership::Namespace(uts_number(child)?),
            errno if errno == Errno::EPERM as i32 => {
                nix::sys::prctl::set_child_subreaper(true)
                    .context("prctl(PR_SET_CHILD_SUBREAPER)")?;
                Membership::Table
            }
            errno => bail!("unshare(CLONE_NEWUTS) failed: {}", Errno::from_raw(errno)),
        };
        Ok(Waiting {
            pid: child,
            membership,
            channel,
        })
    }

    /// Lets a child of the child run the calibration. `number` is what
    /// [`Membership::draw_number`] drew. The answer says how the calibrator ended, if not well.
    pub fn calibrate(
        &self,
        page: BorrowedFd<'_>,
        directory: BorrowedFd<'_>,
        number: u64,
    ) -> Result<Option<String>> {
        self.send(
            CALIBRATE,
            number,
            &[page.as_raw_fd(), directory.as_raw_fd()],
        )?;
        let mut answer = [0; 4];
        (&self.channel)
            .read_exact(&mut answer)
            .context("the traced process ended in the calibration")?;
        Ok(match i32::from_ne_bytes(answer) {
            0 => None,
            signal if signal == libc::SIGALRM => Some(format!(
                "the calibrator was stopped after {CALIBRATION_LIMIT_S} s"
            )),
            signal if signal > 0 => Some(format!("signal {signal} killed the calibrator")),
            code => Some(format!("the calibrator failed: {}", Errno::from_raw(-code))),
        })
    }

    /// Lets the child go, with the session page if it is a lesson. Returns when it runs.
    pub fn release(self, page: Option<BorrowedFd<'_>>, command: &str) -> Result<Pid> {
        let descriptors: Vec<RawFd> = page.iter().map(BorrowedFd::as_raw_fd).collect();
        self.send(GO, 0, &descriptors)?;
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

    fn send(&self, kind: u8, number: u64, descriptors: &[RawFd]) -> Result<()> {
        let mut order = [kind; ORDER];
        order[1..].copy_from_slice(&number.to_ne_bytes());
        let rights = [ControlMessage::ScmRights(descriptors)];
        sendmsg::<()>(
            self.channel.as_raw_fd(),
            &[IoSlice::new(&order)],
            if descriptors.is_empty() { &[] } else { &rights },
            MsgFlags::MSG_NOSIGNAL,
            None,
        )
        .context("sendmsg(order)")
        .map(drop)
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

/// The child's side: obeys until it may go, then returns the session page if it got one.
pub(super) fn obey(channel: &OwnedFd, workload: Workload) -> nix::Result<Option<OwnedFd>> {
    loop {
        let (order, mut descriptors) = next(channel)?;
        show_number(order.number);
        if order.kind == GO {
            return Ok(descriptors.pop());
        }
        let answer = calibrate(&descriptors, workload)?;
        nix::unistd::write(channel, &answer.to_ne_bytes())?;
    }
}

fn next(channel: &OwnedFd) -> nix::Result<(Order, Vec<OwnedFd>)> {
    let mut bytes = [0; ORDER];
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS]);
    let message = recvmsg::<()>(
        channel.as_raw_fd(),
        &mut slices,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    if message.bytes != ORDER {
        // The tracer is gone or gave up.
        return Err(Errno::ECANCELED);
    }
    let mut received = Vec::with_capacity(DESCRIPTORS);
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for number in descriptors {
                // SAFETY: just received; nobody else owns it.
                received.push(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    let [kind, number @ ..] = bytes;
    let number = u64::from_ne_bytes(number);
    Ok((Order { kind, number }, received))
}

/// The kernel programs adopt the task that passes this number; the call itself takes no argument.
fn show_number(number: u64) {
    if number != 0 {
        // SAFETY: getppid(2) reads no memory.
        unsafe { libc::syscall(libc::SYS_getppid, number) };
    }
}

/// A process of its own: what it maps, opens and touches goes with it. 0, minus an errno, or the
/// signal that ended it.
fn calibrate(descriptors: &[OwnedFd], workload: Workload) -> nix::Result<i32> {
    let [page, directory] = descriptors else {
        return Err(Errno::EINVAL);
    };
    // SAFETY: the process has one thread.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, code) => Ok(-code),
            WaitStatus::Signaled(_, signal, _) => Ok(signal as i32),
            _ => Err(Errno::ECHILD),
        },
        ForkResult::Child => {
            alarm::set(CALIBRATION_LIMIT_S);
            let answer = die_with_parent().and_then(|()| workload(page, directory));
            // SAFETY: ends the calibrator without running the tracer's destructors.
            unsafe { libc::_exit(answer.err().map_or(0, |errno| errno as i32)) }
        }
    }
}
