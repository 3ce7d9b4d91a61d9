//! `MSG_ZEROCOPY` is a request: the socket decides whether it pins the pages or copies them.

use anyhow::{Context as _, Result, ensure};

use super::{Play, Work, in_child, join, pipes::read_all, sockets::tcp_pair};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("send-pinned", |work| tcp(work, Socket::Asked)),
    ("send-pinned-in-vain", |work| tcp(work, Socket::NotAsked)),
];

/// Sends of each kind, few enough that all fit into the error queue (`net.core.optmem_max`).
const SENDS: usize = 2;

/// Whether `SO_ZEROCOPY` is set on the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Socket {
    Asked,
    NotAsked,
}

/// The receiver copies in any case, the sender only without `SO_ZEROCOPY`.
fn tcp(work: &mut Work, asked: Socket) -> Result<()> {
    let (left, right) = tcp_pair()?;
    if asked == Socket::Asked {
        sys::allow_pinning(&left).context("setsockopt(SO_ZEROCOPY)")?;
    }
    let mut buffer = vec![8; work.random.between(4_096, 60_000)];
    let total = 3 * SENDS * buffer.len();
    let child = in_child(|| {
        let flags = libc::MSG_ZEROCOPY;
        let call = libc::SYS_sendmmsg;
        for _ in 0..SENDS {
            let sent = sys::send(&left, &buffer, flags).context("sendto")?;
            let message = sys::send_message(&left, &buffer, 3, flags).context("sendmsg")?;
            let messages = sys::many_messages(call, &left, &mut buffer, 1, flags);
            ensure!(
                (sent, message, messages.context("sendmmsg")?) == (buffer.len(), buffer.len(), 1),
                "only {sent} and {message} of {} bytes were sent",
                buffer.len()
            );
        }
        Ok(())
    })?;
    drop(left);
    let received = read_all(&right)?;
    ensure!(received == total, "{received} of {total} bytes");
    work.expected.add_to_user("socket", total);
    if asked == Socket::NotAsked {
        work.expected.add_from_user("socket", total);
    }
    join(child)
}
