//! Reading kernel structs, at offsets that the tracer looked up in BTF.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use mmap_trace_ebpf::{
    calls::{CALL_TABLE, Call},
    offsets::{ABSENT, Injected, OFFSETS, Offset, PARAMETERS, Parameter},
    tables::{COPY_RANGES, CodeRange},
};

/// The value of each [`Offset`]. The tracer sets and freezes these tables before it loads the programs,
/// so that the verifier sees constants.
#[unsafe(no_mangle)]
static FIELD_OFFSETS: [u32; OFFSETS] = [ABSENT; OFFSETS];

/// The value of each [`Parameter`].
#[unsafe(no_mangle)]
static RUN_PARAMETERS: [u32; PARAMETERS] = [0; PARAMETERS];

/// What each system call of this architecture does, by call number.
#[unsafe(no_mangle)]
static CALLS: [Call; CALL_TABLE] = [Call::UNKNOWN; CALL_TABLE];

/// What each 32-bit system call does, by call number.
#[unsafe(no_mangle)]
static CALLS_OF_32_BITS: [Call; CALL_TABLE] = [Call::UNKNOWN; CALL_TABLE];

/// The kernel code that copies between user and kernel memory; empty unless the run samples.
#[unsafe(no_mangle)]
static COPY_CODE: [CodeRange; COPY_RANGES] = [[0; 2]; COPY_RANGES];

/// The descriptors that the table embedded in `files_struct` holds. They are data because LLVM would
/// turn a comparison with a literal into pointer arithmetic with the variable descriptor, which the
/// verifier rejects for typed pointers.
#[unsafe(no_mangle)]
static NEAR_DESCRIPTORS: [u32; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// The value of an [`Offset`].
#[inline(always)]
pub(crate) fn offset(of: Offset) -> usize {
    // SAFETY: the index is a discriminant of the enum that sizes the table.
    unsafe { core::ptr::read_volatile(&raw const FIELD_OFFSETS[of as usize]) as usize }
}

/// Whether this kernel has the field.
#[inline(always)]
pub(crate) fn present(of: Offset) -> bool {
    offset(of) != ABSENT as usize
}

/// The value of a [`Parameter`].
#[inline(always)]
pub(crate) fn parameter(of: Parameter) -> u32 {
    // SAFETY: the index is a discriminant of the enum that sizes the table.
    unsafe { core::ptr::read_volatile(&raw const RUN_PARAMETERS[of as usize]) }
}

/// Whether a test asked the programs to make this mistake.
#[inline(always)]
pub(crate) fn injected(mistake: Injected) -> bool {
    parameter(Parameter::Injected) == mistake as u32
}

/// The entry `n` of the table of near descriptors.
#[inline(always)]
pub(crate) fn near_descriptor(n: usize) -> u32 {
    // SAFETY: callers pass a literal below 16.
    unsafe { core::ptr::read_volatile(&raw const NEAR_DESCRIPTORS[n]) }
}

/// What the system call with this number does.
#[inline(always)]
pub(crate) fn call(number: u64) -> Call {
    if number >= CALL_TABLE as u64 {
        return Call::UNKNOWN;
    }
    // SAFETY: bounded above.
    unsafe { core::ptr::read_volatile(&raw const CALLS[number as usize]) }
}

/// What the 32-bit system call with this number does.
#[inline(always)]
pub(crate) fn listed_of_32_bits(number: u64) -> Call {
    if number >= CALL_TABLE as u64 {
        return Call::UNKNOWN;
    }
    // SAFETY: bounded above.
    unsafe { core::ptr::read_volatile(&raw const CALLS_OF_32_BITS[number as usize]) }
}

/// Whether an instruction belongs to the code that copies between user and kernel memory.
#[inline(always)]
pub(crate) fn is_copy_code(instruction: u64) -> bool {
    (0..COPY_RANGES).any(|n| {
        // SAFETY: the index is within the table.
        let [start, end] = unsafe { core::ptr::read_volatile(&raw const COPY_CODE[n]) };
        start <= instruction && instruction < end
    })
}

/// Loads a field from a pointer whose struct the verifier knows.
///
/// The verifier rejects a wrong offset when the program is loaded; a stale pointer reads as 0.
#[inline(always)]
pub(crate) fn load<T>(base: *const u8, field: Offset) -> T {
    // SAFETY: the verifier checks the access against the struct's BTF.
    unsafe { core::ptr::read_volatile(base.add(offset(field)).cast::<T>()) }
}

/// The address of an embedded field.
#[inline(always)]
pub(crate) fn field(base: *const u8, of: Offset) -> *const u8 {
    base.wrapping_add(offset(of))
}

/// Reads a field from a pointer whose struct the verifier does not know; `None` if the address faults.
#[inline(always)]
pub(crate) fn probe<T>(base: *const u8, field: Offset) -> Option<T> {
    probe_at(base.wrapping_add(offset(field)))
}

/// Reads kernel memory at an address; `None` if it faults.
#[inline(always)]
pub(crate) fn probe_at<T>(address: *const u8) -> Option<T> {
    // SAFETY: the helper checks the address; any bit pattern is a value of the integers we read.
    unsafe { bpf_probe_read_kernel(address.cast::<T>()).ok() }
}
