//! Cross-checks: the same copies and faults, counted independently from what kernel functions return.
//!
//! These programs load only where the kernel supports fexit. Two filters are needed: the iterator must
//! be user memory, because `filemap_read` also serves splice, and a message must not carry spliced or
//! pinned pages, because `tcp_sendmsg` also serves sendfile.

use aya_ebpf::{macros::fexit, programs::FExitContext};
use mmap_trace_ebpf::{
    calls::{MSG_SPLICE_PAGES, MSG_ZEROCOPY},
    counters::Counter,
    offsets::Offset,
};

use super::{
    backups::with_backup,
    completed_faults::{FAULT_ERROR, FAULT_RETRY},
};
use crate::{
    current_task::CurrentTask,
    descriptor::Sent,
    fields::{load, offset, present},
};

/// Declares programs for functions that take an iterator and return the number of bytes.
macro_rules! iterator_functions {
    ($($(#[$doc:meta])* $name:ident: iterator $iterator:literal of $arguments:literal => $counter:ident,)*) => {$(
        $(#[$doc])*
        #[fexit]
        pub(crate) fn $name(ctx: FExitContext) -> u32 {
            transferred(ctx.arg($iterator), ctx.arg($arguments), Counter::$counter);
            0
        }
    )*};
}

iterator_functions! {
    /// `filemap_read(iocb, iter, already_read)`.
    cross_check_filemap_read: iterator 1 of 3 => CrossCheckToUserPageCache,
    /// `shmem_file_read_iter(iocb, to)`.
    cross_check_shmem_read: iterator 1 of 2 => CrossCheckToUserTmpfs,
    /// `pipe_read` or `anon_pipe_read(iocb, to)`.
    cross_check_pipe_read: iterator 1 of 2 => CrossCheckToUserPipe,
    /// `generic_perform_write(iocb, from)`.
    cross_check_generic_write: iterator 1 of 2 => CrossCheckFromUserFile,
    /// `pipe_write` or `anon_pipe_write(iocb, from)`.
    cross_check_pipe_write: iterator 1 of 2 => CrossCheckFromUserPipe,
}

#[inline(always)]
fn transferred(iterator: *const u8, result: i64, counter: Counter) {
    if iterator.is_null() || result <= 0 {
        return;
    }
    let kind = u32::from(load::<u8>(iterator, Offset::IterType));
    let is_user_memory = kind == offset(Offset::IterIovec) as u32
        || (present(Offset::IterUbuf) && kind == offset(Offset::IterUbuf) as u32);
    if is_user_memory && let Some(current) = CurrentTask::if_traced() {
        current.add(counter, result as u64);
    }
}

/// Whether a function honours `MSG_ZEROCOPY`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pinning {
    /// If the socket allows it: argument 0 is its `struct sock`.
    BySock,
    /// It always copies.
    Never,
}

/// Declares programs for functions that send a message and return the number of bytes.
macro_rules! send_functions {
    ($($(#[$doc:meta])* $name:ident: $pinning:ident,)*) => {$(
        $(#[$doc])*
        #[fexit]
        pub(crate) fn $name(ctx: FExitContext) -> u32 {
            sent(Pinning::$pinning, ctx.arg(0), ctx.arg(1), ctx.arg(3));
            0
        }
    )*};
}

send_functions! {
    /// `tcp_sendmsg(sk, msg, size)`.
    cross_check_tcp_send: BySock,
    /// `udp_sendmsg(sk, msg, size)`.
    cross_check_udp_send: BySock,
    /// `unix_stream_sendmsg(sock, msg, size)`.
    cross_check_unix_stream_send: Never,
    /// `unix_dgram_sendmsg(sock, msg, size)`.
    cross_check_unix_datagram_send: Never,
}

#[inline(always)]
fn sent(pinning: Pinning, sock: *const u8, message: *const u8, result: i32) {
    if message.is_null() || result <= 0 {
        return;
    }
    let flags = u64::from(load::<u32>(message, Offset::MsgFlags));
    if flags & MSG_SPLICE_PAGES != 0 {
        return;
    }
    // If it is unknown whether the pages were pinned, the call itself counts as a loss.
    if pinning == Pinning::BySock && flags & MSG_ZEROCOPY != 0 && Sent::by(sock) != Sent::Copied {
        return;
    }
    if let Some(current) = CurrentTask::if_traced() {
        current.add(Counter::CrossCheckFromUserSocket, result as u64);
    }
}

with_backup! {
    /// `handle_mm_fault(vma, address, flags, regs)`: faults that completed, and those that had to wait.
    fexit: cross_check_fault, cross_check_fault_backup => handled;
}

#[inline(always)]
fn handled(ctx: &FExitContext) {
    let result: u32 = ctx.arg(4);
    if let Some(current) = CurrentTask::if_traced() {
        if result & FAULT_RETRY != 0 {
            current.add(Counter::FaultsWaited, 1);
        } else if result & FAULT_ERROR == 0 {
            current.add(Counter::CrossCheckFaults, 1);
        }
    }
}
