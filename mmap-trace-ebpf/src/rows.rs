//! Adding to the counters.

use mmap_trace_ebpf::{
    counters::{Counter, CounterRow, ROW_COUNTERS},
    offsets::Parameter,
};

use crate::{fields::parameter, maps::COUNTERS};

/// This CPU's copy of a row of counters.
pub(crate) struct CpuRow(&'static mut CounterRow);

impl CpuRow {
    /// The row with this number; `None` if there is none.
    #[inline(always)]
    pub(crate) fn numbered(number: u32) -> Option<Self> {
        // SAFETY: map values live as long as the program; no other CPU writes this copy.
        COUNTERS
            .get_ptr_mut(number)
            .map(|row| CpuRow(unsafe { &mut *row }))
    }

    /// Adds to a counter; `u64::MAX` subtracts 1.
    #[inline(always)]
    pub(crate) fn add(&mut self, counter: Counter, n: u64) {
        add_to(&mut self.0.values[counter as usize], n);
    }

    /// Adds to the counter with this discriminant, which is known only at run time.
    #[inline(always)]
    pub(crate) fn add_nth(&mut self, discriminant: u32, n: u64) {
        let index = discriminant as usize & (ROW_COUNTERS - 1);
        // SAFETY: masked to the row's length.
        add_to(unsafe { &mut *self.0.values.as_mut_ptr().add(index) }, n);
    }
}

/// Adds to a counter of the row with this number.
#[inline(always)]
pub(crate) fn add(row: u32, counter: Counter, n: u64) {
    if let Some(mut row) = CpuRow::numbered(row) {
        row.add(counter, n);
    }
}

/// Adds to the counter with this discriminant, of the row with this number.
#[inline(always)]
pub(crate) fn add_nth(row: u32, discriminant: u32, n: u64) {
    if let Some(mut row) = CpuRow::numbered(row) {
        row.add_nth(discriminant, n);
    }
}

/// A program that can be preempted must not overwrite what another one adds in the meantime. Where no
/// program can be preempted, an atomic addition would cost time for nothing.
#[inline(always)]
fn add_to(value: &mut u64, n: u64) {
    if parameter(Parameter::Preemptible) == 0 {
        *value = value.wrapping_add(n);
    } else {
        add_atomically(value, n);
    }
}

/// `BPF_ATOMIC | BPF_ADD`, which the library's atomics do not offer on this target.
#[inline(always)]
pub(crate) fn add_atomically(value: &mut u64, n: u64) {
    // SAFETY: one instruction, which the verifier checks: it writes nothing but this value.
    #[cfg(target_arch = "bpf")]
    unsafe {
        core::arch::asm!("lock *(u64 *)({0} + 0) += {1}", in(reg) value, in(reg) n);
    }
    #[cfg(not(target_arch = "bpf"))]
    {
        *value = value.wrapping_add(n);
    }
}
