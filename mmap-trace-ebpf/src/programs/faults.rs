//! Page faults, equal to getrusage's minor + major to the unit.
//!
//! An exception is counted when it begins and settled at the task's next event, by the task's own
//! account (see `tables::Task`). So a fault that ended in a signal or in EFAULT is taken back, and
//! faults without an exception (populate, pinning) are found by what they added.

use aya_ebpf::{
    helpers::generated::bpf_find_vma, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use core::ffi::c_void;
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Injected, Offset},
    tables::{
        CONTROL_GENERATION, PENDING, PENDING_COW, PENDING_KERNEL, PENDING_MKWRITE,
        PENDING_UNCLASSIFIED, PENDING_WRITE, TASKS, Task, VmaCache,
    },
};

use super::turns::twice;
use crate::{
    fields::{injected, load},
    here::{Here, bump, count},
    maps::{CONTROL, VMA_CACHE},
};

/// `X86_PF_WRITE` of the error code (arch/x86/include/asm/trap_pf.h).
const ERROR_WRITE: u64 = 2;
/// `VM_SHARED` (include/linux/mm.h).
const VM_SHARED: u64 = 8;

twice! {
    /// tp_btf `page_fault_user(address, regs, error_code)`.
    btf_tracepoint(function = "page_fault_user"): fault_user, fault_user_second
        at FaultUser => taken_in_user_mode;

    /// tp_btf `page_fault_kernel(address, regs, error_code)`.
    btf_tracepoint(function = "page_fault_kernel"): fault_kernel, fault_kernel_second
        at FaultKernel => taken_in_kernel_mode;
}

#[inline(always)]
fn taken_in_user_mode(ctx: &BtfTracePointContext) {
    if let Some(here) = Here::current() {
        exception(here, ctx.arg(0), ctx.arg(2), 0);
    }
}

#[inline(always)]
fn taken_in_kernel_mode(ctx: &BtfTracePointContext) {
    if let Some(here) = Here::current() {
        // Inside an atomic copy the handler gives up at once (faulthandler_disabled); the copy is
        // then repeated outside, with a fault of its own.
        if load::<i32>(here.task, Offset::TaskPagefaultDisabled) == 0 {
            exception(here, ctx.arg(0), ctx.arg(2), PENDING_KERNEL);
        }
    }
}

#[inline(always)]
fn exception(mut here: Here, address: u64, error: u64, origin: u32) {
    settle(&mut here);
    let mut bits = PENDING | origin;
    if error & ERROR_WRITE != 0 {
        bits |= PENDING_WRITE | classify(&here, address);
    }
    apply(
        here.row,
        bits,
        1 + u64::from(injected(Injected::FaultTwice)),
    );
    here.entry.pending_row = here.row;
    here.entry.pending = bits;
    here.entry.expected_faults += 1;
}

/// Counts an exception by its bits; `n` is 1, or -1 in two's complement to take it back.
#[inline(always)]
pub(super) fn apply(row: u32, bits: u32, n: u64) {
    let Some(row) = crate::here::row(row) else {
        return;
    };
    let mut add = |counter: Counter| bump(row, counter, n);
    if bits & PENDING_KERNEL == 0 {
        add(Counter::FaultsUser);
    } else {
        add(Counter::FaultsKernel);
    }
    if bits & PENDING_WRITE == 0 {
        add(Counter::FaultsRead);
        return;
    }
    add(Counter::FaultsWrite);
    if bits & PENDING_COW != 0 {
        add(Counter::FaultsCow);
    } else if bits & PENDING_MKWRITE != 0 {
        add(Counter::FaultsMkwrite);
    } else if bits & PENDING_UNCLASSIFIED != 0 {
        add(Counter::FaultsUnclassified);
    }
}

/// Compares the task's account with what was counted, at any later event of the task.
#[inline(always)]
pub(super) fn settle(here: &mut Here) {
    let (minor, major) = here.completed_faults();
    let total = minor + major;
    let entry: &mut Task = here.entry;
    if total != entry.expected_faults {
        if total < entry.expected_faults {
            if entry.pending != 0 {
                apply(entry.pending_row, entry.pending, u64::MAX);
                count(entry.pending_row, Counter::FaultsFailed, 1);
            }
        } else {
            count(
                here.row,
                Counter::FaultsPopulate,
                total - entry.expected_faults,
            );
        }
        entry.expected_faults = total;
    }
    if major != entry.seen_major {
        let row = if entry.pending != 0 {
            entry.pending_row
        } else {
            here.row
        };
        count(row, Counter::FaultsMajor, major - entry.seen_major);
        entry.seen_major = major;
    }
    if entry.pending != 0 {
        entry.pending = 0;
    }
}

/// What a store into the mapping at this address means.
///
/// `bpf_find_vma` costs 10 µs, so each thread's last mapping is kept until a traced process changes
/// its address space.
#[inline(always)]
fn classify(here: &Here, address: u64) -> u32 {
    let thread: u32 = load(here.task, Offset::TaskPid);
    let (Some(cache), Some(generation)) = (
        VMA_CACHE.get_ptr_mut(thread & (TASKS as u32 - 1)),
        CONTROL.get(CONTROL_GENERATION),
    ) else {
        return PENDING_UNCLASSIFIED;
    };
    // SAFETY: a map value; only the thread itself writes its entry.
    let cache = unsafe { &mut *cache };
    let process: u32 = load(here.task, Offset::TaskTgid);
    let tag = (u64::from(process) << 32) | (*generation & 0xffff_ffff);
    if cache.tag == tag && cache.start <= address && address < cache.end {
        return cache.class as u32;
    }
    let mut found = VmaCache {
        start: 0,
        end: 0,
        tag,
        class: u64::from(PENDING_UNCLASSIFIED),
    };
    // SAFETY: the task is the current one, the callback has the signature that the helper calls.
    let refused = unsafe {
        bpf_find_vma(
            here.task.cast_mut().cast(),
            address,
            remember as *mut c_void,
            (&raw mut found).cast(),
            0,
        )
    };
    if refused == 0 {
        *cache = found;
    }
    found.class as u32
}

/// Callback of `bpf_find_vma`. Plain and private: an exported function is refused as callback.
#[inline(never)]
extern "C" fn remember(_task: *const u8, vma: *const u8, found: *mut VmaCache) -> i64 {
    // SAFETY: the helper hands back the pointer it was given.
    unsafe {
        (*found).start = load(vma, Offset::VmaStart);
        (*found).end = load(vma, Offset::VmaEnd);
        (*found).class = u64::from(store_class(vma));
    }
    0
}

/// What a store means by the kind of its mapping; 0 for anonymous memory.
#[inline(always)]
pub(super) fn store_class(vma: *const u8) -> u32 {
    let flags: u64 = load(vma, Offset::VmaFlags);
    let file: *const u8 = load(vma, Offset::VmaFile);
    if file.is_null() {
        0
    } else if flags & VM_SHARED != 0 {
        PENDING_MKWRITE
    } else {
        PENDING_COW
    }
}
