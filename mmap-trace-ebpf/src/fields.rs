//! Reading kernel structs: typed loads at offsets that the tracer looked up in BTF.

use aya_ebpf::helpers::bpf_probe_read_kernel;
use mmap_trace_ebpf::{
    calls::{CALL_TABLE, Call},
    offsets::{ABSENT, Injected, OFFSETS, Offset, PARAMETERS, Parameter},
    tables::{COPY_RANGES, CodeRange},
};

/// Overridden by the tracer before load; frozen, so that the verifier sees constants.
#[unsafe(no_mangle)]
static FIELD_OFFSETS: [u32; OFFSETS] = [ABSENT; OFFSETS];

/// Overridden by the tracer before load.
#[unsafe(no_mangle)]
static RUN_PARAMETERS: [u32; PARAMETERS] = [0; PARAMETERS];

/// Overridden by the tracer before load: what each system call of this architecture is.
#[unsafe(no_mangle)]
static CALLS: [Call; CALL_TABLE] = [Call::OTHER; CALL_TABLE];

/// Overridden by the tracer before load, if the run samples: the code that copies.
#[unsafe(no_mangle)]
static COPY_CODE: [CodeRange; COPY_RANGES] = [[0; 2]; COPY_RANGES];

/// Indices of the descriptors that have a typed path. Read as data: a descriptor that is compared
/// with a literal would be folded into variable pointer arithmetic, which typed pointers refuse.
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

/// Whether a test asked for this mistake.
#[inline(always)]
pub(crate) fn injected(mistake: Injected) -> bool {
    parameter(Parameter::Injected) == mistake as u32
}

/// Index `n` of a near descriptor.
#[inline(always)]
pub(crate) fn near_descriptor(n: usize) -> u32 {
    // SAFETY: callers pass a literal below 16.
    unsafe { core::ptr::read_volatile(&raw const NEAR_DESCRIPTORS[n]) }
}

/// What call number `number` is.
#[inline(always)]
pub(crate) fn call(number: u64) -> Call {
    if number >= CALL_TABLE as u64 {
        return Call::OTHER;
    }
    // SAFETY: bounded above.
    unsafe { core::ptr::read_volatile(&raw const CALLS[number as usize]) }
}

/// Whether an instruction belongs to the code that copies between user and kernel memory.
#[inline(always)]
pub(crate) fn copies(instruction: u64) -> bool {
    (0..COPY_RANGES).any(|n| {
        // SAFETY: the index is within the table.
        let [start, end] = unsafe { core::ptr::read_volatile(&raw const COPY_CODE[n]) };
        start <= instruction && instruction < end
    })
}

/// A typed load: `base` must be a pointer that the verifier knows the struct of.
///
/// A wrong offset is refused when the program is loaded; a stale pointer reads as 0.
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

/// Reads a field where the verifier does not know the struct; `None` if the address faults.
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
