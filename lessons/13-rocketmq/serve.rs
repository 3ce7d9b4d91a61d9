//! The broker's side of the connection: it finds the messages of a request through the index.

use std::io::Read;
use std::net::TcpStream;

use anyhow::{Context, Result};

use crate::delivery::{Buffers, Delivery};
use crate::messages::TOPIC;
use crate::protocol::{AnswerBoard, PullRequest};
use crate::store::{MessageStore, Span};

/// Answers requests until the consumer closes its end.
pub(crate) fn serve(
    store: &MessageStore,
    mut socket: TcpStream,
    delivery: Delivery,
    buffers: &mut Buffers,
    board: &AnswerBoard,
) -> Result<()> {
    let mut request = [0; PullRequest::BYTES];
    let mut spans = [Span::default(); PullRequest::MAX_MESSAGES as usize];
    while socket.read(&mut request[..1]).context("read")? == 1 {
        socket.read_exact(&mut request[1..]).context("read")?;
        let spans = find(store, PullRequest::decode(request), &mut spans)?;
        delivery.send(&store.log, spans, &socket, buffers, board)?;
    }
    Ok(())
}

/// Their entries say where the messages are, so the log itself is not read.
fn find<'a>(
    store: &MessageStore,
    request: PullRequest,
    spans: &'a mut [Span],
) -> Result<&'a [Span]> {
    let queue = store.queues.get(TOPIC, request.queue);
    let queue = queue.with_context(|| format!("there is no queue {}", request.queue))?;
    let mut count = 0;
    for (span, number) in spans.iter_mut().zip(request.first..queue.entries) {
        let entry = queue.entry(number).context("an entry is missing")?;
        *span = Span {
            offset: entry.offset,
            bytes: entry.bytes as usize,
        };
        count += 1;
    }
    Ok(&spans[..count])
}
