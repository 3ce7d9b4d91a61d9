//! Page faults where no tracepoint tells of the exception: heard of when they are complete.
//!
//! What the task's own account gains beside them was populated; `faults::settle` finds that at the
//! task's next event.

use aya_ebpf::{
    macros::{fexit, perf_event},
    programs::{FExitContext, PerfEventContext},
};
use mmap_trace_ebpf::{
    counters::Counter,
    tables::{PENDING_KERNEL, PENDING_WRITE},
};

use super::{
    faults::{apply, store_class},
    turns::twice,
};
use crate::here::Here;

/// `VM_FAULT_RETRY` and `VM_FAULT_ERROR` (include/linux/mm_types.h).
pub(super) const FAULT_RETRY: u32 = 0x400;
pub(super) const FAULT_ERROR: u32 = 0x873;
/// `VM_FAULT_MAJOR` (include/linux/mm_types.h).
const FAULT_MAJOR: u32 = 4;
/// `FAULT_FLAG_WRITE`, `FAULT_FLAG_TRIED` and `FAULT_FLAG_USER` (include/linux/mm_types.h).
const FLAG_WRITE: u32 = 1;
const FLAG_TRIED: u32 = 0x20;
const FLAG_USER: u32 = 0x40;

twice! {
    /// fexit `handle_mm_fault(vma, address, flags, regs)`: without `regs` it was not an exception.
    ///
    /// Kernels differ in whether the fault is accounted before or after the function returns, so the
    /// account is not looked at: what it will say follows from the result (`mm_account_fault`).
    fexit: fault_returned, fault_returned_second at FaultReturned => returned;
}

#[inline(always)]
fn returned(ctx: &FExitContext) {
    let (vma, flags, registers): (*const u8, u32, u64) = (ctx.arg(0), ctx.arg(2), ctx.arg(3));
    let result: u32 = ctx.arg(4);
    if result & (FAULT_RETRY | FAULT_ERROR) != 0 || vma.is_null() || registers == 0 {
        return;
    }
    if let Some(here) = Here::current() {
        let mut bits = 0;
        if flags & FLAG_USER == 0 {
            bits |= PENDING_KERNEL;
        }
        if flags & FLAG_WRITE != 0 {
            bits |= PENDING_WRITE | store_class(vma);
        }
        apply(here.row, bits, 1);
        here.entry.expected_faults += 1;
        if result & FAULT_MAJOR != 0 || flags & FLAG_TRIED != 0 {
            here.count(Counter::FaultsMajor, 1);
            here.entry.seen_major += 1;
        }
    }
}

/// perf software event `PAGE_FAULTS_MIN`.
#[perf_event]
pub(crate) fn fault_minor(_ctx: PerfEventContext) -> u32 {
    taken();
    0
}

/// perf software event `PAGE_FAULTS_MAJ`.
#[perf_event]
pub(crate) fn fault_major(_ctx: PerfEventContext) -> u32 {
    taken();
    0
}

/// The kernel has accounted the fault by then; more than it was populated.
#[inline(always)]
fn taken() {
    if let Some(here) = Here::current() {
        let (minor, major) = here.completed_faults();
        let expected = here.entry.expected_faults + 1;
        here.count(Counter::FaultsTaken, 1);
        if minor + major > expected {
            here.count(Counter::FaultsPopulate, minor + major - expected);
        }
        here.count(Counter::FaultsMajor, major - here.entry.seen_major);
        here.entry.expected_faults = minor + major;
        here.entry.seen_major = major;
    }
}
