//! Messages through the kernel: the sender hands them to one descriptor, the receiver takes them from
//! another.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result, ensure};
use lessons::data::Files;
use lessons::memory::touched_buffer;
use lessons::{Role, Scenario};
use nix::fcntl::SpliceFFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::exchange::Exchange;
use crate::messages::{MESSAGE, make, messages, place, report};

/// Hands one whole message to the kernel.
type HandOver = fn(&mut File, &[u8]) -> Result<()>;

/// The two descriptors that connect the processes.
pub(crate) struct Connection {
    pub(crate) sender: OwnedFd,
    pub(crate) receiver: OwnedFd,
}

impl Connection {
    fn of_a_pipe() -> Result<Self> {
        let (receiver, sender) = nix::unistd::pipe().context("pipe")?;
        Ok(Connection { sender, receiver })
    }

    pub(crate) fn of_unix_sockets() -> Result<Self> {
        let (sender, receiver) = socketpair(
            AddressFamily::Unix,
            SockType::Stream,
            None,
            SockFlag::SOCK_CLOEXEC,
        )
        .context("socketpair")?;
        Ok(Connection { sender, receiver })
    }
}

/// write(2) into a pipe, read(2) out of it.
pub(crate) fn pipe(scenario: &mut Scenario, files: &Files) -> Result<()> {
    through(scenario, files, Connection::of_a_pipe()?, MESSAGE, write)
}

/// The same calls on a pair of connected sockets.
pub(crate) fn unix_stream(scenario: &mut Scenario, files: &Files) -> Result<()> {
    through(
        scenario,
        files,
        Connection::of_unix_sockets()?,
        MESSAGE,
        write,
    )
}

/// The pipe gets references to the sender's pages, so the sender must not use them again: each message
/// gets a place of its own.
pub(crate) fn vmsplice(scenario: &mut Scenario, files: &Files) -> Result<()> {
    through(
        scenario,
        files,
        Connection::of_a_pipe()?,
        files.bytes(),
        splice,
    )
}

fn write(to: &mut File, message: &[u8]) -> Result<()> {
    to.write_all(message).context("write")
}

/// One vmsplice(2) takes only as much as fits into the pipe.
fn splice(to: &mut File, mut message: &[u8]) -> Result<()> {
    while !message.is_empty() {
        let pages = [IoSlice::new(message)];
        let length =
            nix::fcntl::vmsplice(&*to, &pages, SpliceFFlags::empty()).context("vmsplice")?;
        ensure!(length > 0, "vmsplice took no bytes");
        message = &message[length..];
    }
    Ok(())
}

fn through(
    scenario: &mut Scenario,
    files: &Files,
    ends: Connection,
    ring_bytes: usize,
    hand_over: HandOver,
) -> Result<()> {
    let mut ring = touched_buffer(ring_bytes)?;
    let mut buffer = touched_buffer(MESSAGE)?;
    let mut sender = Some(File::from(ends.sender));
    let mut receiver = Some(File::from(ends.receiver));
    Exchange::run(scenario, |round, exchange| {
        report(round, files.bytes());
        // Each process keeps only its own end, so that each notices when the other one is gone.
        round.fork(Role::Sender, || {
            drop(receiver.take());
            let mut to = sender.take().context("the sender's end")?;
            for (number, length) in messages(files.bytes()) {
                let message = &mut ring[place(number, length, ring_bytes)];
                exchange.sent(make(message, number));
                hand_over(&mut to, message)?;
            }
            Ok(())
        })?;
        drop(sender.take());
        round.fork(Role::Receiver, || {
            let mut from = receiver.take().context("the receiver's end")?;
            for (_, length) in messages(files.bytes()) {
                from.read_exact(&mut buffer[..length]).context("read")?;
                exchange.received(&buffer[..length]);
            }
            Ok(())
        })?;
        drop(receiver.take());
        Ok(())
    })
}
