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
    here::Here,
};

#[inline(always)]
pub(super) fn read(here: &mut Here, row: &mut Row, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(here.task, descriptor as u32) else {
        row.values[Counter::LostPathRead as usize] += bytes;
        return;
    };
    let bytes = bytes - u64::from(injected(Injected::ReadShortByOne));
    match file.path(Direction::ToUser) {
        Path::Nothing => {}
        Path::Direct => row.values[Counter::DirectRead as usize] += bytes,
        Path::DirectUnknown => row.values[Counter::LostDirect as usize] += bytes,
        Path::Socket => receive::all(here, row, bytes),
        path => add(row, Counter::ToUserPageCache as u32 + path as u32, bytes),
    }
}

#[inline(always)]
pub(super) fn write(here: &Here, row: &mut Row, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(here.task, descriptor as u32) else {
        row.values[Counter::LostPathWritten as usize] += bytes;
        return;
    };
    match file.path(Direction::FromUser) {
        Path::Nothing => {}
        Path::Direct => row.values[Counter::DirectWritten as usize] += bytes,
        Path::DirectUnknown => row.values[Counter::LostDirect as usize] += bytes,
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
        Sent::Copied => row.values[Counter::FromUserSocket as usize] += bytes,
        Sent::Pinned => {}
        Sent::Unknown => row.values[Counter::LostCalls as usize] += 1,
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
        Some(bytes) => row.values[Counter::FromUserSocket as usize] += bytes,
        None => row.values[Counter::LostCalls as usize] += 1,
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
            row.values[Counter::ToUserPipe as usize] += bytes;
        }
        Some(_) => {}
        None => row.values[Counter::LostPathRead as usize] += bytes,
    }
}
