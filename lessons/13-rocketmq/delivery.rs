//! Four ways to send the records that an answer is made of.

use std::io::{IoSlice, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, ensure};
use memmap2::MmapMut;
use nix::sys::sendfile::sendfile64;

use crate::protocol::{AnswerBoard, PullRequest};
use crate::store::{CommitLog, Span};

#[derive(Clone, Copy)]
pub(crate) enum Delivery {
    /// Two copies in the broker and one write(2) for each answer (`readGetMessageResult`).
    Heap,
    /// One write(2) of the mapping for each message (`ManyMessageTransfer`).
    Mapping,
    /// One writev(2) of the mapping for each answer; the product does not do this.
    Gathered,
    /// One sendfile(2) for each message; the product does not do this.
    Sendfile,
}

/// The heap and the network library's own buffer, for [`Delivery::Heap`].
pub(crate) struct Buffers {
    pub(crate) heap: MmapMut,
    pub(crate) network: MmapMut,
}

impl Delivery {
    pub(crate) fn send(
        self,
        log: &CommitLog,
        spans: &[Span],
        mut socket: &TcpStream,
        Buffers { heap, network }: &mut Buffers,
        board: &AnswerBoard,
    ) -> Result<()> {
        const OUTSIDE: &str = "an entry points behind the log";
        let record = |span: &Span| log.files.slice(*span).context(OUTSIDE);
        match self {
            Delivery::Heap => {
                let mut end = 0;
                for span in spans {
                    heap[end..end + span.bytes].copy_from_slice(record(span)?);
                    end += span.bytes;
                }
                network[..end].copy_from_slice(&heap[..end]);
                board.user_copied_bytes.fetch_add(2 * end as u64, Relaxed);
                socket.write_all(&network[..end]).context("write")?;
            }
            Delivery::Mapping => {
                for span in spans {
                    socket.write_all(record(span)?).context("write")?;
                }
            }
            Delivery::Gathered => {
                let mut slices = [IoSlice::new(&[]); PullRequest::MAX_MESSAGES as usize];
                for (slice, span) in slices.iter_mut().zip(spans) {
                    *slice = IoSlice::new(record(span)?);
                }
                let bytes: usize = spans.iter().map(|span| span.bytes).sum();
                let sent = socket.write_vectored(&slices).context("writev")?;
                ensure!(sent == bytes, "writev: {sent} of {bytes} bytes");
            }
            Delivery::Sendfile => {
                for span in spans {
                    let file = log.files.at(span.offset).context(OUTSIDE)?;
                    let mut offset = i64::try_from(file.place(span.offset))?;
                    let sent = sendfile64(socket, &file.file, Some(&mut offset), span.bytes);
                    ensure!(sent == Ok(span.bytes), "sendfile: {sent:?}");
                }
            }
        }
        Ok(())
    }
}
