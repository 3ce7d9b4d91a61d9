//! Through the kernel: the sender hands messages to a descriptor, the receiver takes them from another.

use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::OwnedFd;

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use lessons::shared::Shared;
use lessons::{Role, Scenario};
use nix::fcntl::SpliceFFlags;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socketpair};

use crate::Data;
use crate::board::Board;
use crate::messages::{MESSAGE, make, messages, place};

/// Hands one whole message to the kernel.
type HandOver = fn(&mut File, &[u8]) -> Result<()>;

/// What the two processes have between them.
struct Ends {
    sender: OwnedFd,
    receiver: OwnedFd,
}

/// write(2) into a pipe, read(2) out of it.
pub(crate) fn pipe(scenario: &mut Scenario, data: &Data) -> Result<()> {
    through(scenario, data, a_pipe()?, MESSAGE, write)
}

/// The same calls on a pair of connected sockets.
pub(crate) fn unix_stream(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (sender, receiver) = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .context("socketpair")?;
    through(scenario, data, Ends { sender, receiver }, MESSAGE, write)
}

/// The pipe gets references to the sender's pages, and so the sender may not use them again: each message
/// has a place of its own.
pub(crate) fn vmsplice(scenario: &mut Scenario, data: &Data) -> Result<()> {
    through(scenario, data, a_pipe()?, data.bytes, splice)
}

fn a_pipe() -> Result<Ends> {
    let (receiver, sender) = nix::unistd::pipe().context("pipe")?;
    Ok(Ends { sender, receiver })
}

fn write(to: &mut File, message: &[u8]) -> Result<()> {
    to.write_all(message).context("write")
}

/// A full pipe takes only a part.
fn splice(to: &mut File, mut message: &[u8]) -> Result<()> {
    while !message.is_empty() {
        let pages = [IoSlice::new(message)];
        let length =
            nix::fcntl::vmsplice(&*to, &pages, SpliceFFlags::empty()).context("vmsplice")?;
        ensure!(length > 0, "the pipe takes no more bytes");
        message = &message[length..];
    }
    Ok(())
}

fn through(
    scenario: &mut Scenario,
    data: &Data,
    ends: Ends,
    ring_bytes: usize,
    hand_over: HandOver,
) -> Result<()> {
    let board = Shared::<Board>::new()?;
    let mut ring = touched_buffer(ring_bytes)?;
    let mut buffer = touched_buffer(MESSAGE)?;
    let mut sender = Some(File::from(ends.sender));
    let mut receiver = Some(File::from(ends.receiver));
    let sent = scenario.run(|round| -> Result<()> {
        data.report(round);
        // Each process keeps its own end only: so each learns when the other one is gone.
        round.fork(Role::Sender, || {
            drop(receiver.take());
            let mut to = sender.take().context("the sender's end")?;
            for (number, length) in messages(data.bytes) {
                let message = &mut ring[place(number, length, ring_bytes)];
                board.sent(make(message, number));
                hand_over(&mut to, message)?;
            }
            Ok(())
        })?;
        drop(sender.take());
        round.fork(Role::Receiver, || {
            let mut from = receiver.take().context("the receiver's end")?;
            for (_, length) in messages(data.bytes) {
                from.read_exact(&mut buffer[..length]).context("read")?;
                board.received(&buffer[..length]);
            }
            Ok(())
        })?;
        drop(receiver.take());
        Ok(())
    });
    sent.map_or(Ok(()), |sent| {
        sent?;
        board.observe(scenario)
    })
}
