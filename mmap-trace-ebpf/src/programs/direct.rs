//! What O_DIRECT did, as opposed to what it was asked for.
//!
//! The flag of a descriptor is a wish: a write that needs new blocks, a file with data journalling and
//! compressed extents go through the page cache all the same. File systems carry out the part that they do
//! transfer directly by iomap, which reports its progress; the rest of the call's result was copied. Since
//! Linux 7, a read of a single block reports only its end (`iomap_dio_simple_complete`, fs/iomap/direct-io.c).

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::offsets::Offset;

use super::backups::with_backup;
use crate::{
    current_task::CurrentTask,
    fields::{load, present},
};

/// `IOMAP_DIRECT` and `IOMAP_INLINE` (include/linux/iomap.h).
const DIRECT: u32 = 1 << 4;
const INLINE: u16 = 4;

with_backup! {
    /// tp_btf `iomap_iter(iter, ops, caller)`: before the first step over a file, and after each step
    /// (`iomap_iter`, fs/iomap/iter.c).
    btf_tracepoint(function = "iomap_iter"): direct_progress, direct_progress_backup => advanced;

    /// tp_btf `iomap_dio_complete(iocb, error, bytes)`: once per transfer.
    btf_tracepoint(function = "iomap_dio_complete"): direct_complete, direct_complete_backup => completed;
}

#[inline(always)]
fn advanced(ctx: &BtfTracePointContext) {
    let iterator: *const u8 = ctx.arg(0);
    if iterator.is_null() || load::<u32>(iterator, Offset::IomapFlags) & DIRECT == 0 {
        return;
    }
    let Some(current) = CurrentTask::if_traced() else {
        return;
    };
    let mut position: u64 = load(iterator, Offset::IomapPosition);
    if present(Offset::IomapProcessed) {
        let processed: i64 = load(iterator, Offset::IomapProcessed);
        position += processed.max(0) as u64;
    }
    let call = &mut current.entry.call;
    let reached = position + 1;
    if call.direct_end == 0 {
        call.direct_begin = position;
    } else if load::<u64>(iterator, Offset::IomapLength) == 0
        || load::<u16>(iterator, Offset::IomapType) == INLINE
    {
        // Another operation of the same call begins here, or data inside an inode was copied
        // (`iomap_dio_inline_iter`, fs/iomap/direct-io.c).
        let distance = reached.wrapping_sub(call.direct_end);
        call.direct_begin = call.direct_begin.wrapping_add(distance);
    }
    call.direct_end = reached;
}

/// A transfer that someone waits for completes in the call that began it (`is_sync_kiocb`); others complete
/// wherever their interrupt arrives.
#[inline(always)]
fn completed(ctx: &BtfTracePointContext) {
    let (request, bytes): (*const u8, i64) = (ctx.arg(0), ctx.arg(2));
    if request.is_null() || bytes <= 0 || load::<u64>(request, Offset::RequestComplete) != 0 {
        return;
    }
    let Some(current) = CurrentTask::if_traced() else {
        return;
    };
    // Otherwise the progress is known, and which part of it was copied.
    if current.entry.call.direct_end == 0 {
        current.entry.call.direct_end = bytes as u64 + 1;
    }
}
