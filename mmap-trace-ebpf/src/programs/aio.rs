//! Requests of native AIO: `io_submit` tells what they ask for, and the events that `io_getevents` returns tell
//! what they did.
//!
//! A request in flight is a call whose bytes are unknown: it counts as lost from its submission until its event
//! is returned. A program that reads the events itself, from the memory that it shares with the kernel, leaves
//! its requests a declared loss.

use core::ffi::c_void;

use aya_ebpf::helpers::{bpf_probe_read_user, generated::bpf_loop};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    tables::{AioKey, AioRequest},
};

use super::{copies, user_messages::Layout};
use crate::{
    current_task::{CurrentTask, task_struct},
    descriptor::{CopyDirection, File},
    fields::load,
    kernel_log::explain,
    maps::AIO_REQUESTS,
    rows::{CpuRow, add},
};

/// Requests that are read of one call.
const MAX_REQUESTS: u64 = 1 << 16;

/// `struct iocb` (include/uapi/linux/aio_abi.h): its operation, its descriptor and its length.
const OPERATION: u64 = 16;
const DESCRIPTOR: u64 = 20;
const LENGTH: u64 = 32;
/// `IOCB_CMD_PREAD`, `IOCB_CMD_PWRITE`, `IOCB_CMD_PREADV` and `IOCB_CMD_PWRITEV`.
const READ: u16 = 0;
const WRITE: u16 = 1;
const READ_VECTOR: u16 = 7;
const WRITE_VECTOR: u16 = 8;

/// `struct io_event`: its size, the address of its request and the result.
const EVENT_BYTES: u64 = 32;
const EVENT_REQUEST: u64 = 8;
const EVENT_RESULT: u64 = 16;

/// A list in user memory, and what one pass over it needs or finds.
#[repr(C)]
struct Pass {
    /// Addresses of requests, or events.
    list: u64,
    /// Bytes of an address in the list.
    address_bytes: u64,
    row: u64,
    /// 1 if O_DIRECT transferred what all requests of the call asked for.
    is_direct: u64,
    /// Bytes that all of them asked for.
    asked: u64,
}

impl Pass {
    /// Calls back for each entry of the list.
    #[inline(always)]
    fn over(&mut self, count: u64, each: extern "C" fn(u64, *mut Pass) -> i64) {
        // SAFETY: the callback has the signature that the helper calls, and `self` outlives the call.
        unsafe {
            bpf_loop(
                count as u32,
                each as *mut c_void,
                core::ptr::from_mut(self).cast(),
                0,
            );
        }
    }
}

/// `io_submit`: the first `count` requests of the list were submitted.
#[inline(always)]
pub(super) fn submitted(layout: Layout, list: u64, count: u64) {
    let address_bytes = if layout.word_mask == u64::MAX { 8 } else { 4 };
    aio_submitted(list, count, address_bytes);
}

#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn aio_submitted(list: u64, count: u64, address_bytes: u64) -> u32 {
    let Some(current) = CurrentTask::if_entered() else {
        return 0;
    };
    if count > MAX_REQUESTS {
        explain!("io_submit of {} requests: their bytes are unknown", count);
        current.add(Counter::LostCalls, 1);
        return 0;
    }
    let mut pass = Pass {
        list,
        address_bytes,
        row: u64::from(current.row),
        is_direct: 0,
        asked: 0,
    };
    let direct = current.entry.call.direct_bytes();
    if direct != 0 {
        pass.over(count, add_length);
        // SAFETY: the helper changed it behind the compiler's back.
        let asked = unsafe { core::ptr::read_volatile(&raw const pass.asked) };
        pass.is_direct = u64::from(asked == direct);
    }
    pass.over(count, remember);
    0
}

/// `io_getevents`: the results of requests, whoever submitted them in this process.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn aio_returned(list: u64, count: u64) -> u32 {
    if count <= MAX_REQUESTS {
        let mut pass = Pass {
            list,
            address_bytes: 0,
            row: 0,
            is_direct: 0,
            asked: 0,
        };
        pass.over(count, resolve);
    }
    0
}

/// The address of the request with this index.
#[inline(always)]
fn request(pass: &Pass, index: u64) -> Option<u64> {
    let place = pass.list + index * pass.address_bytes;
    // SAFETY: the helper checks the address.
    unsafe {
        if pass.address_bytes == 8 {
            bpf_probe_read_user(place as *const u64).ok()
        } else {
            bpf_probe_read_user(place as *const u32).ok().map(u64::from)
        }
    }
}

#[inline(always)]
fn read<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address; any bit pattern is a value of the integers that we read.
    unsafe { bpf_probe_read_user(address as *const T).ok() }
}

/// Callback of `bpf_loop`; private, as the verifier demands.
#[inline(never)]
extern "C" fn add_length(index: u64, pass: *mut Pass) -> i64 {
    // SAFETY: the helper passes on the pointer that it was given.
    let pass = unsafe { &mut *pass };
    // The length of a vector is a number of pieces, so that no sum is right.
    let length = request(pass, index).and_then(|request| {
        let operation = read::<u16>(request + OPERATION)?;
        matches!(operation, READ | WRITE)
            .then(|| read::<u64>(request + LENGTH))
            .flatten()
    });
    pass.asked = pass.asked.wrapping_add(length.unwrap_or(1 << 62));
    0
}

/// Callback of `bpf_loop`: remembers a request that has been submitted.
#[inline(never)]
extern "C" fn remember(index: u64, pass: *mut Pass) -> i64 {
    // SAFETY: the helper passes on the pointer that it was given.
    let pass = unsafe { &*pass };
    let row = pass.row as u32;
    let description = request(pass, index).and_then(|address| {
        let operation = read::<u16>(address + OPERATION)?;
        Some((address, operation, read::<u32>(address + DESCRIPTOR)?))
    });
    let Some((address, operation, descriptor)) = description else {
        explain!("a request of native AIO cannot be read");
        add(row, Counter::LostCalls, 1);
        return 0;
    };
    let key = key(address);
    let mut new = AioRequest {
        row,
        counter: AioRequest::NO_BYTES,
        // If an earlier request at this address has not been seen to end, nobody knows whose event comes.
        ambiguous: u32::from(AIO_REQUESTS.get_ptr(key).is_some()),
    };
    if let Some(direction) = direction(operation) {
        add(row, Counter::LostCalls, 1);
        let writes = u64::from(direction == CopyDirection::FromUser);
        new.counter = aio_counter(u64::from(descriptor), writes, pass.is_direct);
    } else if new.ambiguous == 0 {
        return 0;
    }
    let _ = AIO_REQUESTS.insert(key, new, 0);
    0
}

/// The counter of the bytes that a request moves by a descriptor, for [`AioRequest::counter`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn aio_counter(descriptor: u64, writes: u64, is_direct: u64) -> u32 {
    let Some(current) = CurrentTask::if_entered() else {
        return AioRequest::NO_BYTES;
    };
    let direction = if writes == 0 {
        CopyDirection::ToUser
    } else {
        CopyDirection::FromUser
    };
    let file = File::looked_up(&current, descriptor as u32);
    let path = file.map(|file| file.path(direction));
    copies::counter_of(direction, path, is_direct != 0).unwrap_or(AioRequest::NO_BYTES)
}

/// Where an operation moves bytes; `None` if it moves none.
#[inline(always)]
fn direction(operation: u16) -> Option<CopyDirection> {
    match operation {
        READ | READ_VECTOR => Some(CopyDirection::ToUser),
        WRITE | WRITE_VECTOR => Some(CopyDirection::FromUser),
        _ => None,
    }
}

#[inline(always)]
fn key(address: u64) -> AioKey {
    AioKey {
        process: u64::from(load::<u32>(task_struct(), Offset::TaskTgid)),
        address,
    }
}

/// Callback of `bpf_loop`: counts the bytes of a request that an event ends.
#[inline(never)]
extern "C" fn resolve(index: u64, pass: *mut Pass) -> i64 {
    // SAFETY: the helper passes on the pointer that it was given.
    let event = unsafe { (*pass).list } + index * EVENT_BYTES;
    let (Some(address), Some(result)) = (
        read::<u64>(event + EVENT_REQUEST),
        read::<i64>(event + EVENT_RESULT),
    ) else {
        return 0;
    };
    let key = key(address);
    // SAFETY: the value is copied.
    let Some(request) = (unsafe { AIO_REQUESTS.get(key) }).copied() else {
        return 0;
    };
    if request.ambiguous != 0 {
        return 0;
    }
    let _ = AIO_REQUESTS.remove(key);
    let Some(mut row) = CpuRow::numbered(request.row) else {
        return 0;
    };
    row.add(Counter::LostCalls, u64::MAX);
    if result > 0 && request.counter != AioRequest::NO_BYTES {
        row.add_nth(request.counter, result as u64);
    }
    0
}
