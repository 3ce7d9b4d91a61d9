//! Page faults: their sum equals getrusage's minor plus major faults, to the unit.
//!
//! An exception is counted when it begins and settled at the task's next event, against the kernel's
//! own account of the task (`tables::TaskEntry` describes the comparison). So a fault that ended in a
//! signal or in EFAULT is taken back, and faults without an exception (populate, pinning of user
//! pages) are found by what they added to the account.

use aya_ebpf::{
    helpers::generated::bpf_find_vma, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use core::ffi::c_void;
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Injected, Offset},
    tables::{
        CONTROL_GENERATION, PENDING, PENDING_COW, PENDING_HUGETLB, PENDING_HUGETLB_EMPTY,
        PENDING_KERNEL, PENDING_MKWRITE, PENDING_UNCLASSIFIED, PENDING_UNREAD, PENDING_WATCHED,
        PENDING_WRITE, TASKS, TaskEntry, VmaClass,
    },
};

use super::{backups::with_backup, copy_on_write};
use crate::{
    current_task::{CurrentTask, task_struct},
    fields::{injected, load},
    kernel_log::explain,
    maps::{CONTROL, VMA_CACHE},
    rows::{CpuRow, add},
};

/// `X86_PF_PROT` and `X86_PF_WRITE` of the error code (arch/x86/include/asm/trap_pf.h).
const ERROR_PRESENT: u64 = 1;
const ERROR_WRITE: u64 = 2;
/// `VM_WRITE`, `VM_SHARED` and `VM_HUGETLB` (include/linux/mm.h).
const VM_WRITE: u64 = 2;
const VM_SHARED: u64 = 8;
const VM_HUGETLB: u64 = 0x40_0000;

with_backup! {
    /// tp_btf `page_fault_user(address, regs, error_code)`.
    btf_tracepoint(function = "page_fault_user"): fault_user, fault_user_backup => taken_in_user_mode;

    /// tp_btf `page_fault_kernel(address, regs, error_code)`.
    btf_tracepoint(function = "page_fault_kernel"): fault_kernel, fault_kernel_backup => taken_in_kernel_mode;
}

#[inline(always)]
fn taken_in_user_mode(ctx: &BtfTracePointContext) {
    if let Some(current) = CurrentTask::if_traced() {
        exception(current, ctx.arg(0), ctx.arg(2), 0);
    }
}

#[inline(always)]
fn taken_in_kernel_mode(ctx: &BtfTracePointContext) {
    if let Some(current) = CurrentTask::if_traced() {
        // Inside an atomic copy the handler gives up at once (`faulthandler_disabled`); the kernel
        // then repeats the copy outside, which takes a fault of its own.
        if load::<i32>(current.task, Offset::TaskPagefaultDisabled) == 0 {
            exception(current, ctx.arg(0), ctx.arg(2), PENDING_KERNEL);
        } else {
            explain!(
                "fault at {:x} in an atomic copy: the handler gives up",
                ctx.arg::<u64>(0)
            );
        }
    }
}

#[inline(always)]
fn exception(mut current: CurrentTask, address: u64, error: u64, origin: u32) {
    if current.entry.pending & PENDING_UNCLASSIFIED != 0 {
        classify_again(&mut current);
    }
    settle(&mut current);
    let mut bits = PENDING | origin;
    if error & ERROR_WRITE != 0 {
        let class = classify_store(address);
        let was_present = error & ERROR_PRESENT != 0;
        bits |= PENDING_WRITE | copy_on_write::watch(&mut current, address, was_present, class);
    }
    add_fault(
        current.row,
        bits,
        1 + u64::from(injected(Injected::FaultTwice)),
    );
    current.entry.pending_row = current.row;
    current.entry.pending = bits;
    current.entry.expected_faults += 1;
}

/// Adds `n` faults of the kind that the bits describe; `u64::MAX` takes one back.
#[inline(always)]
pub(super) fn add_fault(row: u32, bits: u32, n: u64) {
    let Some(mut row) = CpuRow::numbered(row) else {
        return;
    };
    if bits & PENDING_KERNEL == 0 {
        row.add(Counter::FaultsUser, n);
    } else {
        row.add(Counter::FaultsKernel, n);
    }
    if bits & PENDING_WRITE == 0 {
        row.add(Counter::FaultsRead, n);
        return;
    }
    row.add(Counter::FaultsWrite, n);
    if bits & PENDING_COW != 0 {
        row.add(Counter::FaultsCow, n);
    } else if bits & PENDING_MKWRITE != 0 {
        row.add(Counter::FaultsMkwrite, n);
    } else if bits & PENDING_UNCLASSIFIED != 0 {
        row.add(Counter::FaultsUnclassified, n);
    }
}

/// Looks up the mapping of the last store, which another thread may have kept locked before.
#[inline(always)]
fn classify_again(current: &mut CurrentTask) {
    if current.entry.pending & PENDING_WATCHED == 0 {
        return;
    }
    let class = classify_store(current.entry.watched_address);
    if class & PENDING_UNCLASSIFIED == 0 {
        let (row, before) = (current.entry.pending_row, current.entry.pending);
        current.entry.pending = before & !PENDING_UNCLASSIFIED | class;
        add_fault(row, before, u64::MAX);
        add_fault(row, current.entry.pending, 1);
    }
}

/// Compares the task's own account with what was counted: at its next exception, at the end of its
/// next system call, at exec, or when it exits.
#[inline(always)]
pub(super) fn settle(current: &mut CurrentTask) {
    let (minor, major) = current.completed_faults();
    let is_watched = current.entry.pending & (PENDING_WATCHED | PENDING_UNREAD) != 0;
    if is_watched && minor + major >= current.entry.expected_faults {
        copy_on_write::count_copied_pages(current.entry);
    }
    settle_at((minor, major), current.entry, current.row);
}

/// Compares an account of minor and major faults with what was counted until it was read.
#[inline(always)]
pub(super) fn settle_at((minor, major): (u64, u64), entry: &mut TaskEntry, row: u32) {
    let total = minor + major;
    if total != entry.expected_faults {
        if total < entry.expected_faults {
            if entry.pending != 0 {
                explain!("a fault of thread {} failed: it is taken back", entry.tid);
                add_fault(entry.pending_row, entry.pending, u64::MAX);
                add(entry.pending_row, Counter::FaultsFailed, 1);
            }
        } else {
            let populated = total - entry.expected_faults;
            add(row, Counter::FaultsPopulate, populated);
            entry.call.populated += populated;
        }
        entry.expected_faults = total;
    }
    if major != entry.seen_major {
        let row = if entry.pending != 0 {
            entry.pending_row
        } else {
            row
        };
        add(row, Counter::FaultsMajor, major - entry.seen_major);
        entry.seen_major = major;
    }
    if entry.pending != 0 {
        entry.pending = 0;
    }
}

/// What a store at this address means, by the mapping that it hits.
///
/// `bpf_find_vma` costs 10 µs, so each thread's last mapping is cached until a traced process changes
/// its address space.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn classify_store(address: u64) -> u32 {
    let task = task_struct();
    let thread: u32 = load(task, Offset::TaskPid);
    let (Some(cache), Some(generation)) = (
        VMA_CACHE.get_ptr_mut(thread & (TASKS as u32 - 1)),
        CONTROL.get(CONTROL_GENERATION),
    ) else {
        return PENDING_UNCLASSIFIED;
    };
    // SAFETY: a map value; only the thread itself writes its entry.
    let cache = unsafe { &mut *cache };
    let generation = *generation;
    let address_space: u64 = load(task, Offset::TaskMm);
    let is_valid = cache.address_space == address_space && cache.generation == generation;
    if is_valid && cache.vma.start <= address && address < cache.vma.end {
        return cache.vma.class as u32;
    }
    // Written before the call, so that the stack need not keep it: older verifiers allow 512 bytes in all.
    cache.vma.end = 0;
    cache.address_space = address_space;
    cache.generation = generation;
    let mut found = VmaClass {
        start: 0,
        end: 0,
        class: u64::from(PENDING_UNCLASSIFIED),
    };
    // SAFETY: the task is the current one, and the callback has the signature that the helper calls.
    let error = unsafe {
        bpf_find_vma(
            task.cast_mut().cast(),
            address,
            remember as *mut c_void,
            (&raw mut found).cast(),
            0,
        )
    };
    if error == 0 {
        cache.vma = found;
    } else {
        explain!("store at {:x}: bpf_find_vma returned {}", address, error);
    }
    found.class as u32
}

/// Callback of `bpf_find_vma`. It is private because the verifier rejects an exported function as a
/// callback.
#[inline(never)]
extern "C" fn remember(_task: *const u8, vma: *const u8, found: *mut VmaClass) -> i64 {
    // SAFETY: the helper passes on the pointer that it was given.
    unsafe {
        (*found).start = load(vma, Offset::VmaStart);
        (*found).end = load(vma, Offset::VmaEnd);
        (*found).class = u64::from(store_class(vma));
    }
    0
}

/// What a store into a mapping means, as `PENDING_…` bits; 0 for anonymous memory, and where stores fail.
///
/// A private mapping of /dev/zero has a file and is anonymous nevertheless, because `mmap_zero`
/// (drivers/char/mem.c) takes away its operations: the kernel asks for them (`vma_is_anonymous`).
#[inline(always)]
pub(super) fn store_class(vma: *const u8) -> u32 {
    let flags: u64 = load(vma, Offset::VmaFlags);
    let file: *const u8 = load(vma, Offset::VmaFile);
    let operations: *const u8 = load(vma, Offset::VmaOperations);
    if file.is_null() || operations.is_null() || flags & VM_WRITE == 0 {
        0
    } else if flags & VM_SHARED != 0 {
        PENDING_MKWRITE
    } else if flags & VM_HUGETLB == 0 {
        PENDING_COW
    } else {
        PENDING_COW | hugetlb(file)
    }
}

/// A store into a private mapping of hugetlbfs copies the page that the file has, or gets a zeroed one
/// (`hugetlb_no_page`, mm/hugetlb.c).
#[inline(always)]
fn hugetlb(file: *const u8) -> u32 {
    let inode: *const u8 = load(file, Offset::FileInode);
    if inode.is_null() {
        return PENDING_HUGETLB;
    }
    let mapping: *const u8 = load(inode, Offset::InodeMapping);
    if mapping.is_null() || load::<u64>(mapping, Offset::MappingPages) != 0 {
        PENDING_HUGETLB
    } else {
        PENDING_HUGETLB | PENDING_HUGETLB_EMPTY
    }
}
