//! Page faults on machines without tracepoints for the exception: counted when they are complete.
//!
//! The task's own account may gain more than these programs see. The surplus is faults without an
//! exception (populate); `faults::settle` finds them at the task's next event.

use aya_ebpf::{
    macros::{fexit, perf_event},
    programs::{FExitContext, PerfEventContext},
};
use mmap_trace_ebpf::{
    counters::Counter,
    tables::{PENDING_KERNEL, PENDING_WRITE},
};

use super::{
    backups::with_backup,
    faults::{add_fault, store_class},
};
use crate::current_task::CurrentTask;

/// `VM_FAULT_RETRY` and `VM_FAULT_ERROR` (include/linux/mm_types.h).
pub(super) const FAULT_RETRY: u32 = 0x400;
pub(super) const FAULT_ERROR: u32 = 0x873;
/// `VM_FAULT_MAJOR` (include/linux/mm_types.h).
const FAULT_MAJOR: u32 = 4;
/// `FAULT_FLAG_WRITE`, `FAULT_FLAG_TRIED` and `FAULT_FLAG_USER` (include/linux/mm_types.h).
const FLAG_WRITE: u32 = 1;
const FLAG_TRIED: u32 = 0x20;
const FLAG_USER: u32 = 0x40;

with_backup! {
    /// fexit `handle_mm_fault(vma, address, flags, regs)`: without `regs` there was no exception.
    ///
    /// Some kernels account the fault before the function returns, others after. So this program does
    /// not look at the account; what the account will say follows from the result
    /// (`mm_account_fault`, mm/memory.c).
    fexit: fault_returned, fault_returned_backup => returned;
}

#[inline(always)]
fn returned(ctx: &FExitContext) {
    let (vma, flags, registers): (*const u8, u32, u64) = (ctx.arg(0), ctx.arg(2), ctx.arg(3));
    let result: u32 = ctx.arg(4);
    if result & (FAULT_RETRY | FAULT_ERROR) != 0 || vma.is_null() || registers == 0 {
        return;
    }
    if let Some(current) = CurrentTask::if_traced() {
        let mut bits = 0;
        if flags & FLAG_USER == 0 {
            bits |= PENDING_KERNEL;
        }
        if flags & FLAG_WRITE != 0 {
            bits |= PENDING_WRITE | store_class(vma);
        }
        add_fault(current.row, bits, 1);
        current.entry.expected_faults += 1;
        if result & FAULT_MAJOR != 0 || flags & FLAG_TRIED != 0 {
            current.add(Counter::FaultsMajor, 1);
            current.entry.seen_major += 1;
        }
    }
}

/// perf software event `PAGE_FAULTS_MIN`.
#[perf_event]
pub(crate) fn fault_minor(_ctx: PerfEventContext) -> u32 {
    completed();
    0
}

/// perf software event `PAGE_FAULTS_MAJ`.
#[perf_event]
pub(crate) fn fault_major(_ctx: PerfEventContext) -> u32 {
    completed();
    0
}

/// The kernel accounts a fault before it raises the event (`mm_account_fault`), so whatever the
/// account gained beyond this one fault was populated.
#[inline(always)]
fn completed() {
    if let Some(current) = CurrentTask::if_traced() {
        let (minor, major) = current.completed_faults();
        let expected = current.entry.expected_faults + 1;
        current.add(Counter::FaultsTaken, 1);
        if minor + major > expected {
            current.add(Counter::FaultsPopulate, minor + major - expected);
        }
        current.add(Counter::FaultsMajor, major - current.entry.seen_major);
        current.entry.expected_faults = minor + major;
        current.entry.seen_major = major;
    }
}
