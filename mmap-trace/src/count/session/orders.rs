//! The orders that the tracer gives its waiting child: calibrate, then go.

use std::{
    io::{IoSlice, IoSliceMut, Read as _},
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd as _, OwnedFd, RawFd},
        unix::net::UnixStream,
    },
};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::{
        socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg},
        wait::{WaitStatus, waitpid},
    },
    unistd::{ForkResult, alarm, fork},
};

use super::{
    guardian::Guardian,
    signals::{self, die_with_parent},
};

/// A forked child that waits for orders.
pub struct Waiting {
    pub guardian: Guardian,
    channel: UnixStream,
}

/// A command could not be executed.
#[derive(Debug, thiserror::Error)]
#[error("cannot run {command}: {errno}")]
pub struct CannotRun {
    pub command: String,
    pub errno: Errno,
}

/// What the child runs, in a process of its own, when it is told to calibrate. It gets the session page and a
/// directory.
pub type Workload = fn(&OwnedFd, &OwnedFd) -> nix::Result<()>;

/// Seconds after which a calibration is stopped, so that a hanging disk does not block the run.
const CALIBRATION_LIMIT_S: u32 = 10;

/// An order, with the number by which the kernel programs adopt the child (0 if it is a member already).
struct Order {
    kind: u8,
    number: u64,
}

const CALIBRATE: u8 = b'c';
const GO: u8 = b'g';
const ORDER_BYTES: usize = 9;
/// The largest number of descriptors in an order.
const DESCRIPTORS: usize = 2;

impl Waiting {
    /// Waits until the child follows orders.
    pub(super) fn expect_ready(guardian: Guardian, channel: UnixStream) -> Result<Waiting> {
        let mut answer = [0; 4];
        (&channel)
            .read_exact(&mut answer)
            .context("the traced process ended before it could start")?;
        match i32::from_ne_bytes(answer) {
            0 => Ok(Waiting { guardian, channel }),
            errno => bail!(
                "the child failed before it could start: {}",
                Errno::from_raw(errno)
            ),
        }
    }

    /// Makes the child run the calibration. `number` comes from [`super::membership::draw_number`]. Returns why the
    /// calibrator failed, if it did.
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
            .context("the traced process ended during the calibration")?;
        Ok(match i32::from_ne_bytes(answer) {
            0 => None,
            signal if signal == libc::SIGALRM => Some(format!(
                "the calibrator was stopped after {CALIBRATION_LIMIT_S} s"
            )),
            signal if signal > 0 => Some(format!("signal {signal} killed the calibrator")),
            code => Some(format!("the calibrator failed: {}", Errno::from_raw(-code))),
        })
    }

    /// Releases the child, with the session page if it is a lesson. Returns when it has been executed.
    pub fn release(self, page: Option<BorrowedFd<'_>>, command: &str) -> Result<Guardian> {
        let descriptors: Vec<RawFd> = page.iter().map(BorrowedFd::as_raw_fd).collect();
        self.send(GO, 0, &descriptors)?;
        let mut answer = [0; 4];
        // The channel closes on exec, so an answer means that exec failed.
        if (&self.channel).read_exact(&mut answer).is_ok() {
            return Err(CannotRun {
                command: command.to_owned(),
                errno: Errno::from_raw(i32::from_ne_bytes(answer)),
            }
            .into());
        }
        Ok(self.guardian)
    }

    fn send(&self, kind: u8, number: u64, descriptors: &[RawFd]) -> Result<()> {
        let mut order = [kind; ORDER_BYTES];
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

/// The child's side: follows orders until it is released, and returns the session page if it got one.
pub(super) fn follow(channel: &OwnedFd, workload: Workload) -> nix::Result<Option<OwnedFd>> {
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
    let mut bytes = [0; ORDER_BYTES];
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let mut space = nix::cmsg_space!([RawFd; DESCRIPTORS]);
    let message = recvmsg::<()>(
        channel.as_raw_fd(),
        &mut slices,
        Some(&mut space),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    if message.bytes != ORDER_BYTES {
        // The tracer has exited or given up.
        return Err(Errno::ECANCELED);
    }
    let mut received = Vec::with_capacity(DESCRIPTORS);
    for control in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = control {
            for number in descriptors {
                // SAFETY: the descriptor has just been received, so nothing else owns it.
                received.push(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    let [kind, number @ ..] = bytes;
    let number = u64::from_ne_bytes(number);
    Ok((Order { kind, number }, received))
}

/// Makes getppid(2) with the number as an argument: the kernel programs adopt the task that passes it.
fn show_number(number: u64) {
    if number != 0 {
        // SAFETY: getppid(2) reads no memory.
        unsafe { libc::syscall(libc::SYS_getppid, number) };
    }
}

/// Runs the workload in a process of its own, whose mappings and descriptors vanish with it. Returns 0, a
/// negative errno, or the signal that killed it.
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
            let answer = signals::release()
                .and_then(|()| die_with_parent())
                .and_then(|()| workload(page, directory));
            // SAFETY: ends the calibrator without running the tracer's destructors.
            unsafe { libc::_exit(answer.err().map_or(0, |errno| errno as i32)) }
        }
    }
}
