//! A ring of `io_uring`, and requests with the memory that they use.

use std::os::fd::{AsRawFd as _, RawFd};

use anyhow::{Context as _, Result};
use io_uring::{IoUring, opcode, squeue, types::Fd};

/// Who carries out the requests of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// The task that submits them.
    Submitter,
    /// The same, and only while it waits (`IORING_SETUP_DEFER_TASKRUN`).
    WaitingSubmitter,
    /// Workers (`IOSQE_ASYNC`).
    Workers,
    /// A kernel thread that polls the ring (`IORING_SETUP_SQPOLL`).
    Poller,
}

pub(crate) struct Ring {
    pub(crate) ring: IoUring,
    carrier: Carrier,
}

/// A request, and the pieces of its buffer if it has several.
pub(crate) struct Request {
    entry: squeue::Entry,
    _pieces: Vec<libc::iovec>,
    _header: Option<Box<libc::msghdr>>,
}

/// Milliseconds for which a poller waits for requests before it sleeps.
const IDLE_MS: u32 = 2000;

impl Ring {
    pub(crate) fn new(carrier: Carrier) -> Result<Ring> {
        let mut builder = IoUring::builder();
        match carrier {
            Carrier::Submitter | Carrier::Workers => &mut builder,
            Carrier::WaitingSubmitter => builder.setup_single_issuer().setup_defer_taskrun(),
            Carrier::Poller => builder.setup_sqpoll(IDLE_MS),
        };
        let ring = builder.build(32).context("io_uring_setup")?;
        Ok(Ring { ring, carrier })
    }

    /// A ring that is made already, whose submitter carries out the requests.
    pub(crate) fn of(ring: IoUring) -> Ring {
        let carrier = Carrier::Submitter;
        Ring { ring, carrier }
    }

    /// Stores a request in the ring; its user data is `name`.
    pub(crate) fn push(&mut self, request: &Request, name: u64) -> Result<()> {
        let mut entry = request.entry.clone().user_data(name);
        if self.carrier == Carrier::Workers {
            entry = entry.flags(squeue::Flags::ASYNC);
        }
        // SAFETY: every workload keeps its memory and its files until the request is complete.
        unsafe { self.ring.submission().push(&entry) }.context("the ring is full")
    }

    /// Submits what has been stored.
    pub(crate) fn submit(&self) -> Result<()> {
        self.enter(0)
    }

    /// Submits, and waits for some events. Another ring that was closed before may interrupt it
    /// (`io_ring_exit_work`, `io_uring/io_uring.c`).
    fn enter(&self, events: usize) -> Result<()> {
        loop {
            match self.ring.submit_and_wait(events) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => return other.map(drop).context("io_uring_enter"),
            }
        }
    }

    /// Waits for an event: user data, result and flags.
    pub(crate) fn event(&mut self) -> Result<(u64, i32, u32)> {
        loop {
            if let Some(event) = self.ring.completion().next() {
                return Ok((event.user_data(), event.result(), event.flags()));
            }
            self.enter(1)?;
        }
    }

    /// Has the requests carried out together; their results, which must not be errors.
    pub(crate) fn perform(&mut self, requests: &[Request]) -> Result<Vec<usize>> {
        for (name, request) in (0..).zip(requests) {
            self.push(request, name)?;
        }
        self.submit()?;
        let mut results = vec![0; requests.len()];
        for _ in requests {
            let (name, result, _) = self.event()?;
            results[name as usize] =
                usize::try_from(result).with_context(|| format!("request {name}: {result}"))?;
        }
        Ok(results)
    }

    /// The same for a single request.
    pub(crate) fn one(&mut self, request: Request) -> Result<usize> {
        Ok(self.perform(&[request])?[0])
    }
}

impl Request {
    /// A request that needs no memory but its buffer.
    pub(crate) fn of(entry: squeue::Entry) -> Request {
        Request {
            entry,
            _pieces: Vec::new(),
            _header: None,
        }
    }

    pub(crate) fn read(file: RawFd, buffer: &mut [u8], offset: usize) -> Request {
        let entry = opcode::Read::new(Fd(file), buffer.as_mut_ptr(), buffer.len() as u32);
        Request::of(entry.offset(offset as u64).build())
    }

    pub(crate) fn write(file: RawFd, buffer: &[u8], offset: usize) -> Request {
        let entry = opcode::Write::new(Fd(file), buffer.as_ptr(), buffer.len() as u32);
        Request::of(entry.offset(offset as u64).build())
    }

    pub(crate) fn read_pieces(file: RawFd, buffer: &mut [u8], offset: usize) -> Request {
        let pieces = pieces(buffer);
        let entry = opcode::Readv::new(Fd(file), pieces.as_ptr(), pieces.len() as u32);
        Request {
            entry: entry.offset(offset as u64).build(),
            _pieces: pieces,
            _header: None,
        }
    }

    pub(crate) fn write_pieces(file: RawFd, buffer: &[u8], offset: usize) -> Request {
        let pieces = pieces(buffer);
        let entry = opcode::Writev::new(Fd(file), pieces.as_ptr(), pieces.len() as u32);
        Request {
            entry: entry.offset(offset as u64).build(),
            _pieces: pieces,
            _header: None,
        }
    }

    pub(crate) fn send(socket: RawFd, buffer: &[u8], flags: i32) -> Request {
        let entry = opcode::Send::new(Fd(socket), buffer.as_ptr(), buffer.len() as u32);
        Request::of(entry.flags(flags).build())
    }

    pub(crate) fn receive(socket: RawFd, buffer: &mut [u8], flags: i32) -> Request {
        let entry = opcode::Recv::new(Fd(socket), buffer.as_mut_ptr(), buffer.len() as u32);
        Request::of(entry.flags(flags).build())
    }

    pub(crate) fn send_message(socket: RawFd, buffer: &[u8]) -> Request {
        let pieces = pieces(buffer);
        let header = Box::new(header(&pieces));
        Request {
            entry: opcode::SendMsg::new(Fd(socket), &raw const *header).build(),
            _pieces: pieces,
            _header: Some(header),
        }
    }

    pub(crate) fn receive_message(socket: RawFd, buffer: &mut [u8]) -> Request {
        let pieces = pieces(buffer);
        let mut header = Box::new(header(&pieces));
        Request {
            entry: opcode::RecvMsg::new(Fd(socket), &raw mut *header).build(),
            _pieces: pieces,
            _header: Some(header),
        }
    }

    /// Moves bytes from a position of a file into a pipe.
    pub(crate) fn splice(file: RawFd, offset: usize, pipe: RawFd, bytes: usize) -> Request {
        let offset = i64::try_from(offset).unwrap_or(0);
        Request::of(opcode::Splice::new(Fd(file), offset, Fd(pipe), -1, bytes as u32).build())
    }
}

/// Two pieces of a buffer.
fn pieces(buffer: &[u8]) -> Vec<libc::iovec> {
    let (first, second) = buffer.split_at(buffer.len() / 2);
    [first, second]
        .map(|piece| libc::iovec {
            iov_base: piece.as_ptr().cast_mut().cast(),
            iov_len: piece.len(),
        })
        .into()
}

fn header(pieces: &[libc::iovec]) -> libc::msghdr {
    // SAFETY: an all-zero header is a valid one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = pieces.as_ptr().cast_mut();
    header.msg_iovlen = pieces.len();
    header
}

/// The number of a descriptor.
pub(crate) fn number(file: &impl std::os::fd::AsFd) -> RawFd {
    file.as_fd().as_raw_fd()
}
