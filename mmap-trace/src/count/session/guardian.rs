//! The guardian: a small process between the tracer and the traced program, which ends what the tracer cannot.
//!
//! It is the parent of the traced program and the subreaper of all its descendants, so each of them becomes its
//! child when its own parent dies, whichever session or namespace it is in. So it knows when the last one has
//! ended. When the tracer dies, even by SIGKILL, their connection closes, and the guardian kills them all.

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    sys::{
        signal::Signal,
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair},
        wait::waitpid,
    },
    unistd::Pid,
};
use tokio::io::{Interest, unix::AsyncFd};

/// The tracer's connection to its guardian. When it is dropped, the guardian kills every traced process that is
/// left, unless it has been dismissed.
pub struct Guardian {
    pid: Pid,
    program: Pid,
    connection: OwnedFd,
}

/// What the tracer asks of the guardian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    /// Send this signal to the traced program.
    Signal(i32),
    /// Kill every traced process, and say how many are left.
    Kill,
    /// Say how many traced processes live.
    Count,
    /// Leave them alone.
    Dismiss,
}

/// What the guardian tells the tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// The traced program has this id.
    Started(i32),
    /// The traced program ended; its descendants may live. This is the status of wait(2).
    Ended(i32),
    /// The last of its descendants has ended.
    Gone,
    /// So many of them live: the answer to a request.
    Living(i32),
}

/// A message: what it says, and a number.
const MESSAGE_BYTES: usize = 8;

type Message = [u8; MESSAGE_BYTES];

fn message(kind: i32, number: i32) -> Message {
    let mut message = [0; MESSAGE_BYTES];
    message[..4].copy_from_slice(&kind.to_ne_bytes());
    message[4..].copy_from_slice(&number.to_ne_bytes());
    message
}

fn parts([a, b, c, d, number @ ..]: Message) -> (i32, i32) {
    (i32::from_ne_bytes([a, b, c, d]), i32::from_ne_bytes(number))
}

impl Request {
    fn encode(self) -> Message {
        match self {
            Request::Signal(number) => message(0, number),
            Request::Kill => message(1, 0),
            Request::Count => message(2, 0),
            Request::Dismiss => message(3, 0),
        }
    }

    fn decode(message: Message) -> Option<Self> {
        Some(match parts(message) {
            (0, number) => Request::Signal(number),
            (1, _) => Request::Kill,
            (2, _) => Request::Count,
            (3, _) => Request::Dismiss,
            _ => return None,
        })
    }
}

impl News {
    fn encode(self) -> Message {
        match self {
            News::Started(pid) => message(0, pid),
            News::Ended(status) => message(1, status),
            News::Gone => message(2, 0),
            News::Living(processes) => message(3, processes),
        }
    }

    fn decode(message: Message) -> Option<Self> {
        Some(match parts(message) {
            (0, pid) => News::Started(pid),
            (1, status) => News::Ended(status),
            (2, _) => News::Gone,
            (3, processes) => News::Living(processes),
            _ => return None,
        })
    }
}

/// A connection that keeps the boundaries of messages.
pub(super) fn connect() -> Result<(OwnedFd, OwnedFd)> {
    socketpair(
        AddressFamily::Unix,
        SockType::SeqPacket,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .context("socketpair()")
}

/// Receives one message; `None` if the other end is closed.
fn receive(connection: impl AsFd, flags: MsgFlags) -> nix::Result<Option<Message>> {
    let mut message = [0; MESSAGE_BYTES];
    match recv(connection.as_fd().as_raw_fd(), &mut message, flags)? {
        MESSAGE_BYTES => Ok(Some(message)),
        _ => Ok(None),
    }
}

/// The guardian's side: the next request; `None` if the tracer is dead.
pub(super) fn next_request(connection: impl AsFd) -> Option<Request> {
    receive(connection, MsgFlags::empty())
        .ok()
        .flatten()
        .and_then(Request::decode)
}

/// The guardian's side: tells the tracer, which may be dead.
pub(super) fn tell(connection: impl AsFd, news: News) {
    let number = connection.as_fd().as_raw_fd();
    let _ = send(number, &news.encode(), MsgFlags::MSG_NOSIGNAL);
}

impl Guardian {
    /// Waits until the guardian has started the traced program.
    pub(super) fn expect_start(pid: Pid, connection: OwnedFd) -> Result<Self> {
        let mut guardian = Guardian {
            pid,
            program: pid,
            connection,
        };
        match guardian.receive(MsgFlags::empty())? {
            News::Started(program) => guardian.program = Pid::from_raw(program),
            other => bail!("the guardian process of the run began with {other:?}"),
        }
        Ok(guardian)
    }

    /// Its process id: all traced processes descend from it.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The process id of the traced program.
    pub(super) fn program(&self) -> Pid {
        self.program
    }

    /// Waits for what the guardian tells by itself. Must be called inside a runtime.
    pub(super) async fn next(&self) -> Result<News> {
        let connection = self.connection.as_fd();
        // SAFETY: the guardian's connection stays open as long as this borrows it.
        let connection = unsafe { AsyncFd::register_with_interest(connection, Interest::READABLE) }
            .map_err(|refused| anyhow::anyhow!("{refused}"))
            .context("cannot watch the guardian process")?;
        loop {
            let mut ready = connection.readable().await.context("epoll")?;
            match self.receive(MsgFlags::MSG_DONTWAIT) {
                Err(error) if error.downcast_ref() == Some(&Errno::EAGAIN) => ready.clear_ready(),
                answer => return answer,
            }
        }
    }

    /// Sends a signal to the traced program.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        self.send(Request::Signal(signal as i32))
    }

    /// How many traced processes live.
    pub fn count(&self) -> Result<u64> {
        self.ask(Request::Count)
    }

    /// Kills every traced process. Fails if some are left after some seconds.
    pub fn kill_all(&self) -> Result<()> {
        match self.ask(Request::Kill)? {
            0 => Ok(()),
            left => bail!(
                "{left} processes of the traced program could not be ended: they wait for a device in the kernel \
                 (state D in ps), or /proc does not show them to the tracer"
            ),
        }
    }

    /// Lets the traced processes that are left go on.
    pub fn dismiss(self) -> Result<()> {
        self.send(Request::Dismiss)
    }

    fn ask(&self, request: Request) -> Result<u64> {
        self.send(request)?;
        loop {
            if let News::Living(processes) = self.receive(MsgFlags::empty())? {
                return u64::try_from(processes).context("a negative number of processes");
            }
        }
    }

    fn send(&self, request: Request) -> Result<()> {
        let number = self.connection.as_raw_fd();
        send(number, &request.encode(), MsgFlags::MSG_NOSIGNAL)
            .map(drop)
            .context("the guardian process of the run is dead")
    }

    fn receive(&self, flags: MsgFlags) -> Result<News> {
        let message = receive(&self.connection, flags)?;
        message
            .and_then(News::decode)
            .context("the guardian process of the run is dead, so nobody knows what is left of the traced program")
    }
}

impl Drop for Guardian {
    /// Waits until the guardian has ended.
    fn drop(&mut self) {
        let _ = nix::sys::socket::shutdown(
            self.connection.as_raw_fd(),
            nix::sys::socket::Shutdown::Both,
        );
        while waitpid(self.pid, None) == Err(Errno::EINTR) {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_news_arrive_as_they_were_sent() {
        for request in [
            Request::Signal(15),
            Request::Kill,
            Request::Count,
            Request::Dismiss,
        ] {
            assert_eq!(Request::decode(request.encode()), Some(request));
        }
        let (ours, theirs) = connect().unwrap();
        for news in [
            News::Started(7),
            News::Ended(9),
            News::Gone,
            News::Living(3),
        ] {
            tell(&theirs, news);
            let message = receive(&ours, MsgFlags::empty()).unwrap().unwrap();
            assert_eq!(News::decode(message), Some(news));
        }
        drop(theirs);
        assert_eq!(receive(&ours, MsgFlags::empty()), Ok(None));
    }
}
