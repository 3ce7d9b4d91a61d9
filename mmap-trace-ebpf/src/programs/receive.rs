//! Payload received from sockets.
//!
//! Without MSG_TRUNC the result of a call is what was copied, also with MSG_PEEK, which copies twice
//! and counts twice. With it a result may be longer than the copy: then tracepoint
//! skb_copy_datagram_iovec tells the bytes. It alone would not do, because UDP copies linear
//! datagrams without it (copy_linear_skb, include/net/udp.h).

use aya_ebpf::{
    helpers::bpf_probe_read_user, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use mmap_trace_ebpf::{
    calls::MSG_TRUNC,
    counters::{Counter, Row},
};

use super::{copies::sum_of_lengths, turns::twice};
use crate::{
    descriptor::{STREAM, socket_type},
    here::{Here, bump},
};

twice! {
    /// tp_btf `skb_copy_datagram_iovec(skb, len)`.
    btf_tracepoint(function = "skb_copy_datagram_iovec"): socket_receive, socket_receive_second
        at SocketReceive => announced;
}

#[inline(always)]
fn announced(ctx: &BtfTracePointContext) {
    let bytes: i32 = ctx.arg(1);
    if bytes > 0
        && let Some(here) = Here::current()
    {
        here.entry.received_bytes += bytes as u64;
    }
}

/// `read` and its kind: they have no flags, so the result is the copy.
#[inline(always)]
pub(super) fn all(here: &mut Here, row: &mut Row, bytes: u64) {
    here.entry.received_bytes = 0;
    bump(row, Counter::ToUserSocket, bytes);
}

/// `recvfrom`: `limit` is the length of the buffer.
#[inline(always)]
pub(super) fn from(
    here: &mut Here,
    row: &mut Row,
    socket: u64,
    flags: u64,
    limit: u64,
    bytes: u64,
) {
    let announced = core::mem::take(&mut here.entry.received_bytes);
    let copied = if flags & MSG_TRUNC == 0 {
        bytes
    } else if announced != 0 {
        announced
    // TCP discards the bytes instead of copying them.
    } else if socket_type(here.task, socket as u32) == Some(STREAM) {
        0
    } else {
        bytes.min(limit)
    };
    bump(row, Counter::ToUserSocket, copied);
}

/// `recvmsg`: the buffers stand in the message.
#[inline(always)]
pub(super) fn message(
    here: &mut Here,
    row: &mut Row,
    socket: u64,
    flags: u64,
    message: u64,
    bytes: u64,
) {
    let limit = if flags & MSG_TRUNC == 0 {
        bytes
    } else if let Some(limit) = room(message) {
        limit
    } else {
        bump(row, Counter::LostCalls, 1);
        return;
    };
    from(here, row, socket, flags, limit, bytes);
}

/// `recvmmsg`: lengths were written back to user memory.
#[inline(always)]
pub(super) fn messages(here: &mut Here, row: &mut Row, messages: u64, flags: u64, received: u64) {
    here.entry.received_bytes = 0;
    let bytes = if flags & MSG_TRUNC == 0 {
        sum_of_lengths(messages, received)
    } else {
        None
    };
    match bytes {
        Some(bytes) => bump(row, Counter::ToUserSocket, bytes),
        None => bump(row, Counter::LostCalls, 1),
    }
}

/// Places of `msg_iov` and `msg_iovlen` in `struct user_msghdr` on 64-bit (include/linux/socket.h).
const MSG_IOV: u64 = 16;
const MSG_IOVLEN: u64 = 24;
/// `sizeof(struct iovec)`, and the place of `iov_len` in it.
const IOVEC_BYTES: u64 = 16;
const IOV_LEN: u64 = 8;
/// Buffers of one message that are read.
const BUFFERS: u64 = 16;

/// Bytes that fit into the buffers of a message; `None` if that can not be read.
#[inline(always)]
fn room(message: u64) -> Option<u64> {
    // SAFETY: the helper checks every address.
    let read = |address: u64| unsafe { bpf_probe_read_user(address as *const u64) }.ok();
    let (buffers, count) = (read(message + MSG_IOV)?, read(message + MSG_IOVLEN)?);
    if count > BUFFERS {
        return None;
    }
    let mut bytes = 0;
    for n in 0..BUFFERS {
        if n >= count {
            break;
        }
        bytes += read(buffers + n * IOVEC_BYTES + IOV_LEN)?;
    }
    Some(bytes)
}
