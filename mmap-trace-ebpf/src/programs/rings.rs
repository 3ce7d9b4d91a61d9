//! Requests of io_uring, whoever carries them out: the submitter, a worker, or a kernel thread that polls.
//!
//! A request in flight is a call whose bytes are unknown: it counts as lost from its submission until its
//! completion tells its result. So a request that never completes, or whose completion posts no event, stays
//! a declared loss. Its bytes belong to what the submitter's process was doing at the submission; where a
//! kernel thread polls the ring, that is the moment at which the thread finds the request.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    tables::{RING_OVERFLOWS as OVERFLOWS, RingEvent, RingRequest, RingStream},
};

use super::{
    backups::with_backup,
    copies::{self, Moved},
    ring_requests::{Request, events, header_bytes, request},
};
use crate::{
    current_task::{CurrentTask, row_if_traced},
    descriptor::{CopyDirection, File},
    fields::{load, probe},
    kernel_log::explain,
    maps::{RING_OVERFLOWS, RING_REQUESTS, RING_STREAMS},
    rows::{CpuRow, add, add_atomically},
};

with_backup! {
    /// tp_btf `io_uring_submit_req(req)`.
    btf_tracepoint(function = "io_uring_submit_req"): ring_submitted, ring_submitted_backup => submitted;
    /// tp_btf `io_uring_submit_sqe(req, force_nonblock)`, the name of the same event until 6.3.
    btf_tracepoint(function = "io_uring_submit_sqe"): ring_submitted_sqe, ring_submitted_sqe_backup => submitted;
    /// tp_btf `io_uring_complete(ctx, req, cqe)`, before the kernel drops the file of the request.
    btf_tracepoint(function = "io_uring_complete"): ring_completed, ring_completed_backup => completed;
    /// tp_btf `io_uring_complete(ctx, req, user_data, res, ...)`, the arguments until 6.15.
    btf_tracepoint(function = "io_uring_complete"): ring_completed_values, ring_completed_values_backup
        => completed_values;
    /// tp_btf `io_uring_cqe_overflow(ctx, user_data, res, cflags, ocqe)`: in place of the completion.
    btf_tracepoint(function = "io_uring_cqe_overflow"): ring_overflowed, ring_overflowed_backup => overflowed;
    /// tp_btf `io_uring_task_work_run(tctx, count)`: after a task has gone on with its requests, between two
    /// of its calls.
    btf_tracepoint(function = "io_uring_task_work_run"): ring_worked, ring_worked_backup => worked;
}

/// tp_btf `iomap_dio_complete(iocb, error, ret)`: what O_DIRECT transferred for a request, which begins with
/// its `struct kiocb`.
///
/// It has no backup, because it may interrupt another program. If the kernel skips it, the request does not
/// know what was transferred, which is a declared loss.
#[btf_tracepoint(function = "iomap_dio_complete")]
pub(crate) fn ring_direct(ctx: BtfTracePointContext) -> i32 {
    let (key, bytes): (u64, i64) = (ctx.arg(0), ctx.arg(2));
    if bytes >= 0
        && let Some(request) = RING_REQUESTS.get_ptr_mut(key)
    {
        // SAFETY: a map value; one completion of a request follows the other.
        unsafe {
            (*request).direct_bytes = bytes as u64;
            (*request).direct_steps += 1;
        }
    }
    0
}

#[inline(always)]
fn submitted(ctx: &BtfTracePointContext) {
    let key: u64 = ctx.arg(0);
    let address = key as *const u8;
    // The memory of a request that posted no event serves another one now.
    let _ = RING_REQUESTS.remove(key);
    let Some(row) = row_if_traced() else { return };
    let opcode = probe::<u8>(address, Offset::RequestOpcode).unwrap_or(u8::MAX);
    let kind = request(opcode);
    if kind == Request::Empty {
        return;
    }
    let mut events = events(address, opcode, kind);
    if matches!(events, RingRequest::EVENTS | RingRequest::UNKNOWN_EVENTS)
        && !begin_stream(key, events)
    {
        events = RingRequest::UNKNOWN_EVENTS;
    }
    if kind != Request::Posting {
        add(row, Counter::LostCalls, 1);
        if matches!(events, RingRequest::NO_EVENT | RingRequest::UNKNOWN_EVENTS) {
            explain!(
                "io_uring request of opcode {}: its bytes are unknown",
                opcode
            );
        }
    }
    if events == RingRequest::NO_EVENT {
        return;
    }
    let in_flight = RingRequest {
        row,
        opcode: u32::from(opcode),
        ring: ring(address),
        overflows: overflows(ring(address)),
        direct_bytes: 0,
        direct_steps: 0,
        header_bytes: if events == RingRequest::EVENTS {
            header_bytes(address, opcode)
        } else {
            0
        },
        events,
    };
    let _ = RING_REQUESTS.insert(key, in_flight, 0);
}

#[inline(always)]
fn stream_key(request: *const u8) -> RingEvent {
    RingEvent {
        ring: ring(request),
        user_data: probe(request, Offset::RequestUserData).unwrap_or(0),
    }
}

/// Remembers a request that may post several events, which only its user data connects with it. If two have the
/// same, nobody knows the bytes of either.
#[inline(always)]
fn begin_stream(request: u64, events: u64) -> bool {
    let key = stream_key(request as *const u8);
    if let Some(stream) = RING_STREAMS.get_ptr_mut(key) {
        // SAFETY: a map value.
        unsafe {
            (*stream).request = RingStream::UNKNOWN;
            add_atomically(&mut (*stream).users, 1);
        }
        return false;
    }
    let stream = RingStream {
        request: if events == RingRequest::EVENTS {
            request
        } else {
            RingStream::UNKNOWN
        },
        users: 1,
    };
    RING_STREAMS.insert(key, stream, 0).is_ok()
}

/// Whether the events of a request that ends were its own.
#[inline(always)]
fn end_stream(request: u64) -> bool {
    let key = stream_key(request as *const u8);
    let Some(stream) = RING_STREAMS.get_ptr_mut(key) else {
        return false;
    };
    // SAFETY: a map value.
    let (is_own, left) = unsafe {
        add_atomically(&mut (*stream).users, u64::MAX);
        let left = core::ptr::read_volatile(&raw const (*stream).users);
        ((*stream).request == request, left)
    };
    if left == 0 {
        let _ = RING_STREAMS.remove(key);
    }
    is_own
}

#[inline(always)]
fn completed(ctx: &BtfTracePointContext) {
    let request: u64 = ctx.arg(1);
    if request != 0 {
        ended(request);
        return;
    }
    let event: *const u8 = ctx.arg(2);
    if !event.is_null() {
        let user_data = load(event, Offset::CqeUserData);
        let key = RingEvent {
            ring: ctx.arg(0),
            user_data,
        };
        posted(&key, load(event, Offset::CqeResult));
    }
}

#[inline(always)]
fn completed_values(ctx: &BtfTracePointContext) {
    let request: u64 = ctx.arg(1);
    if request != 0 {
        ended(request);
        return;
    }
    let key = RingEvent {
        ring: ctx.arg(0),
        user_data: ctx.arg(2),
    };
    posted(&key, ctx.arg(3));
}

/// An event of a request that goes on.
#[inline(always)]
fn posted(key: &RingEvent, result: i32) {
    // SAFETY: the value is copied.
    let stream = unsafe { RING_STREAMS.get(key) }.copied();
    let request = stream.map_or(RingStream::UNKNOWN, |stream| stream.request);
    // SAFETY: the value is copied.
    let in_flight = unsafe { RING_REQUESTS.get(request) }.copied();
    let Some(in_flight) = in_flight else { return };
    if result > 0
        && is_current(&in_flight, request as *const u8)
        && let Some(mut row) = CpuRow::numbered(in_flight.row)
    {
        count(&mut row, &in_flight, request as *const u8, result as u64);
    }
}

/// The last event of a request.
#[inline(always)]
fn ended(key: u64) {
    // SAFETY: the entry is copied before it is removed.
    let Some(in_flight) = (unsafe { RING_REQUESTS.get(key) }).copied() else {
        return;
    };
    let address = key as *const u8;
    let _ = RING_REQUESTS.remove(key);
    let is_known = in_flight.events == RingRequest::ONE_EVENT || end_stream(key);
    if !is_current(&in_flight, address) {
        explain!("a completion queue overflowed: the bytes of its requests are unknown");
        return;
    }
    let Some(result) = probe::<i32>(address, Offset::RequestResult).filter(|_| is_known) else {
        return;
    };
    let Some(mut row) = CpuRow::numbered(in_flight.row) else {
        return;
    };
    row.add(Counter::LostCalls, u64::MAX);
    if result > 0 {
        count(&mut row, &in_flight, address, result as u64);
    }
}

#[inline(always)]
fn count(row: &mut CpuRow, in_flight: &RingRequest, address: *const u8, result: u64) {
    // IOCB_DIRECT (include/linux/fs.h); a file system that copies all the same may clear it.
    const DIRECT: u32 = 1 << 17;
    let Some(bytes) = result.checked_sub(in_flight.header_bytes) else {
        explain!("an event of {} bytes is shorter than its header", result);
        return row.add(Counter::LostCalls, 1);
    };
    let kind = request(in_flight.opcode as u8);
    match kind {
        Request::Receive => return row.add(Counter::ToUserSocket, bytes),
        Request::Send => return row.add(Counter::FromUserSocket, bytes),
        Request::Splice => return row.add(Counter::Transferred, bytes),
        Request::Read | Request::Write => {}
        Request::Empty | Request::Posting | Request::Unknown => return,
    }
    let flags = probe::<u32>(address, Offset::KiocbFlags).unwrap_or(0);
    let file = probe(address, Offset::RequestFile)
        .and_then(File::at)
        .map(|file| file.with_direct(flags & DIRECT != 0));
    let direction = if kind == Request::Read {
        CopyDirection::ToUser
    } else {
        CopyDirection::FromUser
    };
    let path = file.map(|file| file.path(direction));
    // A request that was retried after a short transfer reports twice.
    let direct = (in_flight.direct_steps == 1).then_some(in_flight.direct_bytes);
    copies::by_request(row, direction, path, &Moved { bytes, direct });
}

/// The completion queue of a ring is full. The event waits elsewhere and no program sees it again, so from
/// now on nobody knows which of the requests in flight have completed.
#[inline(always)]
fn overflowed(ctx: &BtfTracePointContext) {
    let ring: u64 = ctx.arg(0);
    if let Some(overflows) = RING_OVERFLOWS.get_ptr_mut(place(ring)) {
        // SAFETY: a map value.
        add_atomically(unsafe { &mut *overflows }, 1);
    }
}

/// Whether what is known about a request is about the one that has this address now. A request that nobody
/// submitted, such as the notification of SEND_ZC, may get the memory of one whose event found no place.
#[inline(always)]
fn is_current(in_flight: &RingRequest, request: *const u8) -> bool {
    let ring = ring(request);
    in_flight.ring == ring && in_flight.overflows == overflows(ring)
}

/// The address of a request's ring.
#[inline(always)]
fn ring(request: *const u8) -> u64 {
    probe(request, Offset::RequestRing).unwrap_or(0)
}

/// The overflows of the rings that share an entry with this one.
#[inline(always)]
fn overflows(ring: u64) -> u64 {
    RING_OVERFLOWS
        .get_ptr_mut(place(ring))
        // SAFETY: a map value.
        .map_or(0, |overflows| unsafe {
            core::ptr::read_volatile(overflows)
        })
}

/// The entry of a ring, by a multiplicative hash of its address.
#[inline(always)]
fn place(ring: u64) -> u32 {
    (ring.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32 & (OVERFLOWS - 1)
}

/// What the requests received and transferred belongs to no call.
#[inline(always)]
fn worked(_: &BtfTracePointContext) {
    if let Some(current) = CurrentTask::if_entered() {
        let call = &mut current.entry.call;
        call.received_bytes = 0;
        call.direct_begin = 0;
        call.direct_end = 0;
    }
}
