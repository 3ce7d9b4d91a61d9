//! Payload received from sockets.
//!
//! Without MSG_TRUNC the result of a call is what was copied. MSG_PEEK copies the same bytes again,
//! and they count again. With MSG_TRUNC the result may exceed the copy; the bytes then come from the
//! tracepoint skb_copy_datagram_iovec. That tracepoint alone would not do, because UDP copies linear
//! datagrams without it (`copy_linear_skb`, include/net/udp.h).

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::{calls::MSG_TRUNC, counters::Counter};

use super::{
    backups::with_backup,
    user_messages::{Layout, capacity, sum_of_lengths},
};
use crate::{
    current_task::CurrentTask,
    descriptor::{STREAM, socket_type},
    kernel_log::explain,
    rows::CpuRow,
};

with_backup! {
    /// tp_btf `skb_copy_datagram_iovec(skb, len)`.
    btf_tracepoint(function = "skb_copy_datagram_iovec"): socket_receive, socket_receive_backup => announced;
}

#[inline(always)]
fn announced(ctx: &BtfTracePointContext) {
    let bytes: i32 = ctx.arg(1);
    if bytes > 0
        && let Some(current) = CurrentTask::if_traced()
    {
        current.entry.call.received_bytes += bytes as u64;
    }
}

/// `recvfrom`: `limit` is the length of the buffer.
#[inline(always)]
pub(super) fn from(
    current: &CurrentTask,
    row: &mut CpuRow,
    socket: u64,
    flags: u64,
    limit: u64,
    bytes: u64,
) {
    let announced = current.entry.call.received_bytes;
    let copied = if flags & MSG_TRUNC == 0 {
        bytes
    } else if announced != 0 {
        announced
    } else {
        match socket_type(current, socket as u32) {
            // With MSG_TRUNC, TCP discards the bytes instead of copying them (`tcp_recvmsg_locked`).
            Some(STREAM) => {
                explain!(
                    "MSG_TRUNC: TCP discarded {} bytes without copying them",
                    bytes
                );
                0
            }
            Some(_) => bytes.min(limit),
            None => {
                explain!(
                    "MSG_TRUNC: descriptor {} was closed or replaced meanwhile",
                    socket
                );
                row.add(Counter::LostCalls, 1);
                return;
            }
        }
    };
    row.add(Counter::ToUserSocket, copied);
}

/// `recvmsg`: the message lists its buffers.
#[inline(always)]
pub(super) fn message(
    current: &CurrentTask,
    row: &mut CpuRow,
    layout: Layout,
    (socket, message, flags): (u64, u64, u64),
    bytes: u64,
) {
    let limit = if flags & MSG_TRUNC == 0 {
        bytes
    } else if let Some(limit) = capacity(layout, message) {
        limit
    } else {
        explain!("recvmsg with MSG_TRUNC: its buffers cannot be read");
        row.add(Counter::LostCalls, 1);
        return;
    };
    from(current, row, socket, flags, limit, bytes);
}

/// `recvmmsg`: the kernel wrote the messages' lengths to user memory.
#[inline(always)]
pub(super) fn messages(row: &mut CpuRow, layout: Layout, messages: u64, flags: u64, received: u64) {
    let bytes = if flags & MSG_TRUNC == 0 {
        sum_of_lengths(layout, messages, received)
    } else {
        None
    };
    if let Some(bytes) = bytes {
        row.add(Counter::ToUserSocket, bytes);
    } else {
        explain!(
            "recvmmsg of {} messages: the bytes copied are unknown",
            received
        );
        row.add(Counter::LostCalls, 1);
    }
}
