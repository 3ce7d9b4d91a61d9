//! Payload that the CPU copied across the boundary between user and kernel memory.
//!
//! Stock kernels allow no probe on the copy functions of lib/. So copies are counted one level up:
//! the result of a call tells the bytes, and the file that it was made on tells where they went.

use mmap_trace_ebpf::{calls::MSG_ZEROCOPY, counters::Counter, offsets::Injected};

use super::user_messages::{Layout, sum_of_lengths};
use crate::{
    current_task::CurrentTask,
    descriptor::{CopyDirection, File, Path, Sent},
    fields::injected,
    kernel_log::explain,
    rows::CpuRow,
};

/// The counters of one direction.
struct Counters {
    /// That of the page cache; those of the other paths follow in the order of [`Path`].
    page_cache: Counter,
    direct: Counter,
    lost: Counter,
}

const TO_USER: Counters = Counters {
    page_cache: Counter::ToUserPageCache,
    direct: Counter::DirectRead,
    lost: Counter::LostPathRead,
};
const FROM_USER: Counters = Counters {
    page_cache: Counter::FromUserPageCache,
    direct: Counter::DirectWritten,
    lost: Counter::LostPathWritten,
};

#[inline(always)]
pub(super) fn read(current: &CurrentTask, row: &mut CpuRow, descriptor: u64, bytes: u64) {
    let file = File::behind(current, descriptor as u32);
    let lost_byte = u64::from(file.is_some() && injected(Injected::ReadShortByOne));
    let path = file.map(|file| file.path(CopyDirection::ToUser));
    copied(current, row, TO_USER, path, descriptor, bytes - lost_byte);
}

#[inline(always)]
pub(super) fn write(current: &CurrentTask, row: &mut CpuRow, descriptor: u64, bytes: u64) {
    let path =
        File::behind(current, descriptor as u32).map(|file| file.path(CopyDirection::FromUser));
    copied(current, row, FROM_USER, path, descriptor, bytes);
}

/// Counts the bytes of a read or a write on its path.
#[inline(always)]
fn copied(
    current: &CurrentTask,
    row: &mut CpuRow,
    counters: Counters,
    path: Option<Path>,
    descriptor: u64,
    bytes: u64,
) {
    match path {
        None => {
            explain!(
                "{} bytes: descriptor {} was closed or replaced meanwhile",
                bytes,
                descriptor
            );
            row.add(counters.lost, bytes);
        }
        Some(Path::Unknown) => {
            explain!(
                "{} bytes: the file system behind descriptor {} does not tell where they are copied",
                bytes,
                descriptor
            );
            row.add(counters.lost, bytes);
        }
        Some(Path::Nothing) => explain!("{} bytes: the device copies nothing", bytes),
        Some(Path::Direct) => row.add(counters.direct, bytes),
        Some(Path::DirectOrCached) => {
            let direct = current.entry.call.direct_bytes().min(bytes);
            if direct < bytes {
                explain!(
                    "{} bytes with O_DIRECT: {} fell back to the page cache",
                    bytes,
                    bytes - direct
                );
                row.add(counters.page_cache, bytes - direct);
            }
            row.add(counters.direct, direct);
        }
        Some(Path::DirectUnknown) if current.entry.call.direct_bytes() >= bytes => {
            row.add(counters.direct, bytes);
        }
        Some(Path::DirectUnknown) => {
            explain!(
                "{} bytes with O_DIRECT on descriptor {}: its file system did not say how it moved them",
                bytes,
                descriptor
            );
            row.add(Counter::LostDirect, bytes);
        }
        Some(path) => row.add_nth(counters.page_cache as u32 + path as u32, bytes),
    }
}

/// What a request outside of all calls moved.
pub(super) struct Moved {
    pub(super) bytes: u64,
    /// The part that O_DIRECT transferred; `None` if nobody knows.
    pub(super) direct: Option<u64>,
}

/// Counts the bytes of a request of io_uring.
#[inline(always)]
pub(super) fn by_request(
    row: &mut CpuRow,
    direction: CopyDirection,
    path: Option<Path>,
    moved: &Moved,
) {
    match direction {
        CopyDirection::ToUser => requested(row, TO_USER, path, moved),
        CopyDirection::FromUser => requested(row, FROM_USER, path, moved),
    }
}

#[inline(always)]
fn requested(row: &mut CpuRow, counters: Counters, path: Option<Path>, moved: &Moved) {
    let bytes = moved.bytes;
    match (path, moved.direct) {
        (None | Some(Path::Unknown), _) => {
            explain!(
                "{} bytes of a request: it is unknown where they are copied",
                bytes
            );
            row.add(counters.lost, bytes);
        }
        (Some(Path::Nothing), _) => explain!("{} bytes: the device copies nothing", bytes),
        (Some(Path::Direct), _) => row.add(counters.direct, bytes),
        (Some(Path::DirectUnknown), Some(direct)) if direct == bytes => {
            row.add(counters.direct, bytes);
        }
        (Some(Path::DirectOrCached | Path::PageCache), Some(direct)) if direct <= bytes => {
            row.add(counters.page_cache, bytes - direct);
            row.add(counters.direct, direct);
        }
        (Some(Path::DirectOrCached | Path::DirectUnknown), _) => {
            explain!(
                "{} bytes of a request with O_DIRECT: they may have been copied",
                bytes
            );
            row.add(Counter::LostDirect, bytes);
        }
        (Some(path), _) => row.add_nth(counters.page_cache as u32 + path as u32, bytes),
    }
}

/// The counter of the bytes of a request whose path is known before they move; `None` if it copies none.
#[inline(always)]
pub(super) fn counter_of(
    direction: CopyDirection,
    path: Option<Path>,
    is_direct: bool,
) -> Option<u32> {
    let counters = match direction {
        CopyDirection::ToUser => TO_USER,
        CopyDirection::FromUser => FROM_USER,
    };
    Some(match path {
        None | Some(Path::Unknown) => counters.lost as u32,
        Some(Path::Nothing) => return None,
        Some(Path::Direct) => counters.direct as u32,
        Some(Path::DirectOrCached | Path::DirectUnknown) if is_direct => counters.direct as u32,
        Some(Path::DirectOrCached | Path::DirectUnknown) => Counter::LostDirect as u32,
        Some(path) => counters.page_cache as u32 + path as u32,
    })
}

/// Looks up whether the pages were pinned, but only for a call that asked for it. Whether the device
/// copies pinned pages later is not seen here.
#[inline(always)]
fn sent(current: &CurrentTask, flags: u64, socket: u64) -> Sent {
    if flags & MSG_ZEROCOPY == 0 {
        Sent::Copied
    } else {
        Sent::on_request(current, socket as u32)
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
    layout: Layout,
    (socket, messages, flags): (u64, u64, u64),
    count: u64,
) {
    let bytes = match sent(current, flags, socket) {
        Sent::Copied => sum_of_lengths(layout, messages, count),
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
    match File::behind(current, descriptor as u32) {
        Some(file) if file.is_read_only() => row.add(Counter::ToUserPipe, bytes),
        Some(_) => explain!(
            "vmsplice into a pipe: {} bytes were referenced, not copied",
            bytes
        ),
        None => {
            explain!(
                "vmsplice of {} bytes: descriptor {} was closed or replaced meanwhile",
                bytes,
                descriptor
            );
            row.add(Counter::LostPathRead, bytes);
        }
    }
}
