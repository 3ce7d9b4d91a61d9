//! Payload that the CPU copied across the boundary between user and kernel memory.
//!
//! The copy functions of lib/ can not be probed on stock kernels, so copies are counted one level
//! up: by what a call returned, and by the file it was made on.

use aya_ebpf::helpers::bpf_probe_read_user;
use mmap_trace_ebpf::{
    calls::MSG_ZEROCOPY,
    counters::{Counter, Row},
    offsets::Injected,
};

use super::{calls::add, receive};
use crate::{
    descriptor::{Direction, File, Path, Sent},
    fields::injected,
    here::{Here, bump},
};

#[inline(always)]
pub(super) fn read(here: &mut Here, row: &mut Row, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(here.task, descriptor as u32) else {
        bump(row, Counter::LostPathRead, bytes);
        return;
    };
    let bytes = bytes - u64::from(injected(Injected::ReadShortByOne));
    match file.path(Direction::ToUser) {
        Path::Nothing => {}
        Path::Direct => bump(row, Counter::DirectRead, bytes),
        Path::DirectUnknown => bump(row, Counter::LostDirect, bytes),
        Path::Socket => receive::all(here, row, bytes),
        path => add(row, Counter::ToUserPageCache as u32 + path as u32, bytes),
    }
}

#[inline(always)]
pub(super) fn write(here: &Here, row: &mut Row, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(here.task, descriptor as u32) else {
        bump(row, Counter::LostPathWritten, bytes);
        return;
    };
    match file.path(Direction::FromUser) {
        Path::Nothing => {}
        Path::Direct => bump(row, Counter::DirectWritten, bytes),
        Path::DirectUnknown => bump(row, Counter::LostDirect, bytes),
        path => add(row, Counter::FromUserPageCache as u32 + path as u32, bytes),
    }
}

/// Whether the pages were pinned is looked up only for those who asked; whether the device copies them
/// later is not seen here.
#[inline(always)]
fn sent(here: &Here, flags: u64, socket: u64) -> Sent {
    if flags & MSG_ZEROCOPY == 0 {
        Sent::Copied
    } else {
        Sent::on_request(here.task, socket as u32)
    }
}

#[inline(always)]
pub(super) fn send(here: &Here, row: &mut Row, socket: u64, flags: u64, bytes: u64) {
    match sent(here, flags, socket) {
        Sent::Copied => bump(row, Counter::FromUserSocket, bytes),
        Sent::Pinned => {}
        Sent::Unknown => bump(row, Counter::LostCalls, 1),
    }
}

/// `sizeof(struct mmsghdr)` and the place of `msg_len` in it on 64-bit (include/linux/socket.h).
const MMSGHDR_BYTES: u64 = 64;
const MSG_LEN_OFFSET: u64 = 56;
/// Messages of one call that are read; more make the call a loss.
const MESSAGES: u64 = 64;

/// The result is a number of messages; their lengths were written back to user memory.
#[inline(always)]
pub(super) fn send_messages(
    here: &Here,
    row: &mut Row,
    socket: u64,
    flags: u64,
    (messages, count): (u64, u64),
) {
    let bytes = match sent(here, flags, socket) {
        Sent::Copied => sum_of_lengths(messages, count),
        Sent::Pinned => Some(0),
        Sent::Unknown => None,
    };
    match bytes {
        Some(bytes) => bump(row, Counter::FromUserSocket, bytes),
        None => bump(row, Counter::LostCalls, 1),
    }
}

/// Sum of `msg_len` over an array of `mmsghdr`; `None` if it can not be read as a whole.
#[inline(always)]
pub(super) fn sum_of_lengths(messages: u64, count: u64) -> Option<u64> {
    if count > MESSAGES {
        return None;
    }
    let mut bytes = 0;
    for n in 0..MESSAGES {
        if n >= count {
            break;
        }
        let length = (messages + n * MMSGHDR_BYTES + MSG_LEN_OFFSET) as *const u32;
        // SAFETY: the helper checks the address.
        bytes += u64::from(unsafe { bpf_probe_read_user(length) }.ok()?);
    }
    Some(bytes)
}

/// Out of a pipe the bytes are copied; into a pipe only the pages are referenced.
#[inline(always)]
pub(super) fn vmsplice(here: &Here, row: &mut Row, descriptor: u64, bytes: u64) {
    match File::behind(here.task, descriptor as u32) {
        Some(file) if file.is_read_only() => {
            bump(row, Counter::ToUserPipe, bytes);
        }
        Some(_) => {}
        None => bump(row, Counter::LostPathRead, bytes),
    }
}
