//! The consumer: a process that asks for the messages of one queue after the other.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};

use crate::answers::Board;
use crate::store::Found;

/// The longest answer.
pub(crate) const ANSWER_BYTES: usize = 256 << 10;

/// Asks for at most [`Request::MOST`] messages of a queue, from this one on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) queue: u32,
    pub(crate) first: u64,
}

impl Request {
    pub(crate) const BYTES: usize = 12;
    /// Messages of an answer, as in the product while they are in memory.
    pub(crate) const MOST: u64 = 32;

    fn encode(self) -> [u8; Self::BYTES] {
        let mut request = [0; Self::BYTES];
        request[..4].copy_from_slice(&self.queue.to_be_bytes());
        request[4..].copy_from_slice(&self.first.to_be_bytes());
        request
    }

    pub(crate) fn decode(request: [u8; Self::BYTES]) -> Self {
        let [q0, q1, q2, q3, first @ ..] = request;
        Request {
            queue: u32::from_be_bytes([q0, q1, q2, q3]),
            first: u64::from_be_bytes(first),
        }
    }
}

/// Pulls queues of these lengths, and looks at every message.
pub(crate) fn pull_all(
    mut socket: TcpStream,
    lengths: &[u64],
    buffer: &mut [u8],
    board: &Board,
) -> Result<()> {
    for (queue, length) in (0..).zip(lengths) {
        let mut first = 0;
        while first < *length {
            let request = Request { queue, first };
            socket.write_all(&request.encode()).context("write")?;
            board.asked.fetch_add(1, Relaxed);
            let count = Request::MOST.min(length - first);
            receive(&mut socket, request, count, buffer, board)?;
            first += count;
        }
    }
    Ok(())
}

/// An answer is so many records, one behind the other; each says how long it is.
fn receive(
    socket: &mut TcpStream,
    request: Request,
    count: u64,
    buffer: &mut [u8],
    board: &Board,
) -> Result<()> {
    let (mut start, mut end) = (0, 0);
    for number in request.first..request.first + count {
        let record_bytes = loop {
            let here = &buffer[start..end];
            let size = here.first_chunk().map(|size| u32::from_be_bytes(*size));
            match size {
                Some(bytes) if bytes as usize <= here.len() => break bytes as usize,
                _ => {}
            }
            let more = socket.read(&mut buffer[end..]).context("read")?;
            ensure!(more > 0, "the answer ends within a message");
            end += more;
        };
        let is_right = matches!(Found::at(&buffer[start..start + record_bytes]),
            Found::Record(record) if record.queue == request.queue && record.queue_offset == number);
        board
            .damaged_messages
            .fetch_add(u64::from(!is_right), Relaxed);
        board.received_messages.fetch_add(1, Relaxed);
        start += record_bytes;
    }
    board.received_bytes.fetch_add(end as u64, Relaxed);
    ensure!(start == end, "the answer has more bytes than its messages");
    Ok(())
}
