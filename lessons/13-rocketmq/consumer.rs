//! The consumer's side of the connection: it asks for the messages of one queue after another.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::protocol::{AnswerBoard, PullRequest};
use crate::store::Found;

/// Pulls queues of these lengths and checks every message.
pub(crate) fn pull_all(
    mut socket: TcpStream,
    lengths: &[u64],
    buffer: &mut [u8],
    board: &AnswerBoard,
) -> Result<()> {
    for (queue, length) in (0..).zip(lengths) {
        let mut first = 0;
        while first < *length {
            let request = PullRequest { queue, first };
            socket.write_all(&request.encode()).context("write")?;
            board.requests.fetch_add(1, Relaxed);
            let count = PullRequest::MAX_MESSAGES.min(length - first);
            receive(&mut socket, request, count, buffer, board)?;
            first += count;
        }
    }
    let usage = getrusage(UsageWho::RUSAGE_SELF).context("getrusage")?;
    let sleeps = usage.voluntary_context_switches();
    board.consumer_sleeps.store(sleeps.cast_unsigned(), Relaxed);
    Ok(())
}

/// An answer is `count` records, one after another; each says how long it is.
fn receive(
    socket: &mut TcpStream,
    request: PullRequest,
    count: u64,
    buffer: &mut [u8],
    board: &AnswerBoard,
) -> Result<()> {
    let (mut start, mut end) = (0, 0);
    for number in request.first..request.first + count {
        let record = loop {
            let received = &buffer[start..end];
            let bytes = received.first_chunk().map(|size| u32::from_be_bytes(*size));
            if let Some(record) = bytes.and_then(|bytes| received.get(..bytes as usize)) {
                break record;
            }
            let more = socket.read(&mut buffer[end..]).context("read")?;
            ensure!(more > 0, "the answer ends within a message");
            end += more;
        };
        let is_right = matches!(Found::at(record), Found::Record(record)
            if record.queue == request.queue && record.queue_offset == number);
        let damaged = u64::from(!is_right);
        board.damaged_messages.fetch_add(damaged, Relaxed);
        board.received_messages.fetch_add(1, Relaxed);
        start += record.len();
    }
    ensure!(start == end, "the answer has more bytes than its messages");
    Ok(())
}
