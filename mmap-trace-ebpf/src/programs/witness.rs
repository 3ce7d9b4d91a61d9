//! Independent witnesses: the same copies and faults, counted by what kernel functions returned.
//!
//! They load only where the kernel accepts fexit. Two filters are mandatory: the iterator must be
//! user memory (filemap_read also serves splice), and a message must not carry spliced or pinned
//! pages (tcp_sendmsg also serves sendfile).

use aya_ebpf::{macros::fexit, programs::FExitContext};
use mmap_trace_ebpf::{
    calls::{MSG_SPLICE_PAGES, MSG_ZEROCOPY},
    counters::Counter,
    offsets::Offset,
};

use super::{
    completed::{FAULT_ERROR, FAULT_RETRY},
    turns::twice,
};
use crate::{
    descriptor::Sent,
    fields::{load, offset, present},
    here::Here,
};

/// Declares programs for functions that take an iterator and return bytes.
macro_rules! iterator_witness {
    ($($(#[$doc:meta])* $name:ident: iterator $iterator:literal of $arguments:literal => $counter:ident,)*) => {$(
        $(#[$doc])*
        #[fexit]
        pub(crate) fn $name(ctx: FExitContext) -> u32 {
            transferred(ctx.arg($iterator), ctx.arg($arguments), Counter::$counter);
            0
        }
    )*};
}

iterator_witness! {
    /// `filemap_read(iocb, iter, already_read)`.
    witness_filemap_read: iterator 1 of 3 => CrossCheckToUserPageCache,
    /// `shmem_file_read_iter(iocb, to)`.
    witness_shmem_read: iterator 1 of 2 => CrossCheckToUserTmpfs,
    /// `pipe_read` or `anon_pipe_read(iocb, to)`.
    witness_pipe_read: iterator 1 of 2 => CrossCheckToUserPipe,
    /// `generic_perform_write(iocb, from)`.
    witness_generic_write: iterator 1 of 2 => CrossCheckFromUserFile,
    /// `pipe_write` or `anon_pipe_write(iocb, from)`.
    witness_pipe_write: iterator 1 of 2 => CrossCheckFromUserPipe,
}

#[inline(always)]
fn transferred(iterator: *const u8, result: i64, counter: Counter) {
    if iterator.is_null() || result <= 0 {
        return;
    }
    let kind = u32::from(load::<u8>(iterator, Offset::IterType));
    let user = kind == offset(Offset::IterIovec) as u32
        || (present(Offset::IterUbuf) && kind == offset(Offset::IterUbuf) as u32);
    if user && let Some(here) = Here::current() {
        here.count(counter, result as u64);
    }
}

/// Whose request to pin is heard: by argument 0, a `struct sock`, or by no argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pinning {
    BySock,
    Never,
}

/// Declares programs for functions that send a message and return bytes.
macro_rules! message_witness {
    ($($(#[$doc:meta])* $name:ident: $pinning:ident,)*) => {$(
        $(#[$doc])*
        #[fexit]
        pub(crate) fn $name(ctx: FExitContext) -> u32 {
            sent(Pinning::$pinning, ctx.arg(0), ctx.arg(1), ctx.arg(3));
            0
        }
    )*};
}

message_witness! {
    /// `tcp_sendmsg(sk, msg, size)`.
    witness_tcp_send: BySock,
    /// `udp_sendmsg(sk, msg, size)`.
    witness_udp_send: BySock,
    /// `unix_stream_sendmsg(sock, msg, size)`.
    witness_unix_stream_send: Never,
    /// `unix_dgram_sendmsg(sock, msg, size)`.
    witness_unix_datagram_send: Never,
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
    // Messages of which nobody can say are losses of the call.
    if pinning == Pinning::BySock && flags & MSG_ZEROCOPY != 0 && Sent::by(sock) != Sent::Copied {
        return;
    }
    if let Some(here) = Here::current() {
        here.count(Counter::CrossCheckFromUserSocket, result as u64);
    }
}

twice! {
    /// `handle_mm_fault(vma, address, flags, regs)`: completed faults, and those that had to wait.
    fexit: witness_fault, witness_fault_second at CrossCheckFault => handled;
}

#[inline(always)]
fn handled(ctx: &FExitContext) {
    let result: u32 = ctx.arg(4);
    if let Some(here) = Here::current() {
        if result & FAULT_RETRY != 0 {
            here.count(Counter::FaultsWaited, 1);
        } else if result & FAULT_ERROR == 0 {
            here.count(Counter::CrossCheckFaults, 1);
        }
    }
}
