//! Messages through UDP over loopback, one datagram for each.

use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::memory::touched_buffer;
use nix::sys::socket::{MsgFlags, recv};

use crate::Batch;

/// The kernel copies each message into the receiver's buffer.
pub(crate) fn received(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
    let mut buffer = touched_buffer(messages.bytes)?;
    pass(scenario, messages, &mut buffer, MsgFlags::empty())
}

/// The kernel copies what fits into the buffer, here nothing, and discards the rest of the datagram
/// (`udp_recvmsg`). `MSG_TRUNC` only makes it return the length of the whole datagram.
pub(crate) fn discarded(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
    pass(scenario, messages, &mut [], MsgFlags::MSG_TRUNC)
}

fn pass(
    scenario: &mut Scenario,
    messages: &Batch,
    buffer: &mut [u8],
    flags: MsgFlags,
) -> Result<()> {
    let (sender, receiver) = pair()?;
    let message = touched_buffer(messages.bytes)?;
    let done = scenario.run(|round| -> Result<()> {
        messages.report(round);
        for _ in 0..messages.count {
            let sent = sender.send(&message).context("send")?;
            let length = recv(receiver.as_raw_fd(), buffer, flags).context("recv")?;
            ensure!(
                (sent, length) == (messages.bytes, messages.bytes),
                "{sent} of {} bytes were sent, and {length} received",
                messages.bytes
            );
        }
        Ok(())
    });
    done.unwrap_or(Ok(()))
}

/// Two sockets that are connected to each other.
fn pair() -> Result<(UdpSocket, UdpSocket)> {
    let socket = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).context("bind");
    let (sender, receiver) = (socket()?, socket()?);
    sender.connect(receiver.local_addr()?).context("connect")?;
    receiver.connect(sender.local_addr()?).context("connect")?;
    Ok((sender, receiver))
}
