//! Messages through TCP over loopback.
//!
//! A large message does not fit into the socket buffers, so sending and receiving take turns.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd};

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::memory::touched_buffer;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv};

use crate::Batch;

/// The kernel copies each message into the receiver's buffer.
pub(crate) fn received(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
    pass(scenario, messages, MsgFlags::empty())
}

/// The kernel discards the same bytes instead of copying them: `MSG_TRUNC` of `tcp(7)`.
pub(crate) fn discarded(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
    pass(scenario, messages, MsgFlags::MSG_TRUNC)
}

fn pass(scenario: &mut Scenario, messages: &Batch, flags: MsgFlags) -> Result<()> {
    let mut connection = Loopback::new(flags)?;
    let message = touched_buffer(messages.bytes)?;
    let mut buffer = touched_buffer(messages.bytes)?;
    let done = scenario.run(|round| -> Result<()> {
        messages.report(round);
        for _ in 0..messages.count {
            connection.pass(&message, &mut buffer)?;
        }
        Ok(())
    });
    done.unwrap_or(Ok(()))
}

/// Both ends of one TCP connection over the loopback device.
struct Loopback {
    sender: TcpStream,
    receiver: TcpStream,
    flags: MsgFlags,
}

impl Loopback {
    fn new(flags: MsgFlags) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind")?;
        let sender = TcpStream::connect(listener.local_addr()?).context("connect")?;
        let (receiver, _) = listener.accept().context("accept")?;
        // A small message leaves at once and does not wait until the one before is acknowledged.
        sender.set_nodelay(true).context("TCP_NODELAY")?;
        for end in [&sender, &receiver] {
            end.set_nonblocking(true).context("O_NONBLOCK")?;
        }
        Ok(Loopback {
            sender,
            receiver,
            flags,
        })
    }

    /// Passes one whole message from one end to the other.
    fn pass(&mut self, message: &[u8], buffer: &mut [u8]) -> Result<()> {
        let (mut sent, mut received) = (0, 0);
        while received < message.len() {
            let before = (sent, received);
            if sent < message.len() {
                sent += self.send(&message[sent..])?;
            }
            received += self.receive(&mut buffer[received..])?;
            if before == (sent, received) {
                self.wait()?;
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &[u8]) -> Result<usize> {
        match self.sender.write(message) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
            sent => sent.context("send"),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match recv(self.receiver.as_raw_fd(), buffer, self.flags) {
            Err(Errno::EAGAIN) => Ok(0),
            Ok(0) => Err(anyhow::anyhow!("the sender has closed the connection")),
            received => received.context("recv"),
        }
    }

    /// Sleeps until there is something to receive.
    fn wait(&self) -> Result<()> {
        let mut watched = [PollFd::new(self.receiver.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut watched, PollTimeout::from(1000_u16)).context("poll")?;
        ensure!(ready > 0, "nothing arrived for a second");
        Ok(())
    }
}
