//! Where the CPU is, asked at intervals: in user mode, in kernel code that copies, or elsewhere.
//!
//! The clock is a timer of each CPU (`perf_swevent_hrtimer`, kernel/events/core.c). A tick that comes
//! while interrupts are off is taken when they are on again, and then counts for what runs then.

use aya_ebpf::{macros::perf_event, programs::PerfEventContext};
use mmap_trace_ebpf::counters::Counter;

use crate::{
    fields::copies,
    here::{count, member, row_of_member},
};

/// Addresses of the kernel have the highest bit set, on x86-64 and arm64.
const KERNEL: u64 = 1 << 63;

/// perf software event `CPU_CLOCK`.
///
/// It interrupts other programs of ours too, so that it writes nothing that they write.
#[perf_event]
pub(crate) fn cpu_sample(ctx: PerfEventContext) -> u32 {
    if let Some(task) = member() {
        let instruction = interrupted_at(&ctx);
        let counter = if instruction & KERNEL == 0 {
            Counter::SamplesUser
        } else if copies(instruction) {
            Counter::SamplesCopying
        } else {
            Counter::SamplesElsewhere
        };
        count(row_of_member(task), counter, 1);
    }
    0
}

/// The instruction that the tick interrupted.
#[inline(always)]
fn interrupted_at(ctx: &PerfEventContext) -> u64 {
    // SAFETY: the context of a perf event program has the registers; the verifier checks the access.
    unsafe {
        #[cfg(any(bpf_target_arch = "aarch64", target_arch = "aarch64"))]
        return (*ctx.ctx).regs.pc;
        #[cfg(not(any(bpf_target_arch = "aarch64", target_arch = "aarch64")))]
        return (*ctx.ctx).regs.rip;
    }
}
