//! Payload that the CPU copied across the boundary between user and kernel memory.
//!
//! Stock kernels allow no probe on the copy functions of lib/. So copies are counted one level up:
//! the result of a call tells the bytes, and the file that it was made on tells where they went.

use mmap_trace_ebpf::{calls::MSG_ZEROCOPY, counters::Counter, offsets::Injected};

use super::{receive, user_messages::sum_of_lengths};
use crate::{
    current_task::CurrentTask,
    descriptor::{CopyDirection, File, Path, Sent},
    fields::injected,
    kernel_log::explain,
    rows::CpuRow,
};

#[inline(always)]
pub(super) fn read(current: &mut CurrentTask, row: &mut CpuRow, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(current.task, descriptor as u32) else {
        explain!(
            "read of {} bytes: descriptor {} was closed meanwhile",
            bytes,
            descriptor
        );
        row.add(Counter::LostPathRead, bytes);
        return;
    };
    let bytes = bytes - u64::from(injected(Injected::ReadShortByOne));
    match file.path(CopyDirection::ToUser) {
        Path::Nothing => explain!("read of {} bytes: /dev/null copies nothing", bytes),
        Path::Direct => row.add(Counter::DirectRead, bytes),
        Path::DirectUnknown => {
            explain!(
                "read of {} bytes with O_DIRECT: unknown file system {:x}",
                bytes,
                file.magic()
            );
            row.add(Counter::LostDirect, bytes);
        }
        Path::Socket => receive::all(current, row, bytes),
        path => row.add_nth(Counter::ToUserPageCache as u32 + path as u32, bytes),
    }
}

#[inline(always)]
pub(super) fn write(current: &CurrentTask, row: &mut CpuRow, descriptor: u64, bytes: u64) {
    let Some(file) = File::behind(current.task, descriptor as u32) else {
        explain!(
            "write of {} bytes: descriptor {} was closed meanwhile",
            bytes,
            descriptor
        );
        row.add(Counter::LostPathWritten, bytes);
        return;
    };
    match file.path(CopyDirection::FromUser) {
        Path::Nothing => explain!("write of {} bytes: the device copies nothing", bytes),
        Path::Direct => row.add(Counter::DirectWritten, bytes),
        Path::DirectUnknown => {
            explain!(
                "write of {} bytes with O_DIRECT: unknown file system {:x}",
                bytes,
                file.magic()
            );
            row.add(Counter::LostDirect, bytes);
        }
        path => row.add_nth(Counter::FromUserPageCache as u32 + path as u32, bytes),
    }
}

/// Looks up whether the pages were pinned, but only for a call that asked for it. Whether the device
/// copies pinned pages later is not seen here.
#[inline(always)]
fn sent(current: &CurrentTask, flags: u64, socket: u64) -> Sent {
    if flags & MSG_ZEROCOPY == 0 {
        Sent::Copied
    } else {
        Sent::on_request(current.task, socket as u32)
    }
}

#[inline(always)]
pub(super) fn send(current: &CurrentTask, row: &mut CpuRow, socket: u64, flags: u64, bytes: u64) {
    match sent(current, flags, socket) {
        Sent::Copied => row.add(Counter::FromUserSocket, bytes),
        Sent::Pinned => explain!("MSG_ZEROCOPY: {} bytes were pinned, not copied", bytes),
        Sent::Unknown => {
            explain!("MSG_ZEROCOPY: {} bytes were pinned or copied", bytes);
            row.add(Counter::LostCalls, 1);
        }
    }
}

/// `sendmmsg`: the result is a number of messages, and the kernel wrote their lengths to user memory.
#[inline(always)]
pub(super) fn send_messages(
    current: &CurrentTask,
    row: &mut CpuRow,
    socket: u64,
    flags: u64,
    (messages, count): (u64, u64),
) {
    let bytes = match sent(current, flags, socket) {
        Sent::Copied => sum_of_lengths(messages, count),
        Sent::Pinned => Some(0),
        Sent::Unknown => None,
    };
    if let Some(bytes) = bytes {
        row.add(Counter::FromUserSocket, bytes);
    } else {
        explain!("sendmmsg of {} messages: their bytes are unknown", count);
        row.add(Counter::LostCalls, 1);
    }
}

/// `vmsplice` copies the bytes out of a pipe; into a pipe it only takes references to the pages.
#[inline(always)]
pub(super) fn vmsplice(current: &CurrentTask, row: &mut CpuRow, descriptor: u64, bytes: u64) {
    match File::behind(current.task, descriptor as u32) {
        Some(file) if file.is_read_only() => row.add(Counter::ToUserPipe, bytes),
        Some(_) => explain!(
            "vmsplice into a pipe: {} bytes were referenced, not copied",
            bytes
        ),
        None => {
            explain!(
                "vmsplice of {} bytes: descriptor {} was closed meanwhile",
                bytes,
                descriptor
            );
            row.add(Counter::LostPathRead, bytes);
        }
    }
}
