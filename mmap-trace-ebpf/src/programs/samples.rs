//! What the CPU is doing, sampled at intervals: user mode, kernel code that copies, or other kernel code.
//!
//! The clock is a high-resolution timer on each CPU (`perf_swevent_hrtimer`, kernel/events/core.c). A
//! tick that falls into a section with interrupts off is delivered at its end, and counts for the
//! code that runs then.

use aya_ebpf::{macros::perf_event, programs::PerfEventContext};
use mmap_trace_ebpf::counters::Counter;

use crate::{current_task::row_if_traced, fields::is_copy_code, rows::add};

/// Kernel addresses have the highest bit set, on x86-64 and arm64.
const KERNEL: u64 = 1 << 63;

/// perf software event `CPU_CLOCK`.
///
/// It interrupts the other programs, so it must not write anything that they write.
#[perf_event]
pub(crate) fn cpu_sample(ctx: PerfEventContext) -> u32 {
    if let Some(row) = row_if_traced() {
        let instruction = interrupted_at(&ctx);
        let counter = if instruction & KERNEL == 0 {
            Counter::SamplesUser
        } else if is_copy_code(instruction) {
            Counter::SamplesCopying
        } else {
            Counter::SamplesElsewhere
        };
        add(row, counter, 1);
    }
    0
}

/// The instruction that the tick interrupted.
#[inline(always)]
fn interrupted_at(ctx: &PerfEventContext) -> u64 {
    // SAFETY: the context of a perf event program holds the registers; the verifier checks the access.
    unsafe {
        #[cfg(any(bpf_target_arch = "aarch64", target_arch = "aarch64"))]
        return (*ctx.ctx).regs.pc;
        #[cfg(not(any(bpf_target_arch = "aarch64", target_arch = "aarch64")))]
        return (*ctx.ctx).regs.rip;
    }
}
