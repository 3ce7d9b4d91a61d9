//! Copy-on-write: how many pages a store made the kernel copy.
//!
//! A store into a page that is mapped read-only copies it, or zeroes a new one in place of the zero page,
//! or keeps the page because nothing else uses it any more (`do_wp_page`, mm/memory.c). No tracepoint
//! tells which. So the page table is read when the exception begins, and again when the fault takes a
//! mapping away: then the kernel flushes the TLB of this CPU (`ptep_clear_flush`) while the entry is empty,
//! and before it accounts the fault. A page that is kept is never unmapped.
//!
//! The first store into a private mapping of a file finds an empty entry and always copies
//! (`do_cow_fault`). The first store into anonymous memory copies nothing and is not watched.

use aya_ebpf::{
    macros::btf_tracepoint,
    programs::{BtfTracePointContext, RawTracePointContext},
};
use core::ffi::c_void;
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Offset, Parameter},
    page_tables::{Entry, Tables},
    tables::{
        CONTROL_DIRECT_MAP, PENDING_COW, PENDING_HUGE_ZERO, PENDING_HUGETLB, PENDING_HUGETLB_EMPTY,
        PENDING_MKWRITE, PENDING_REPLACED, PENDING_UNCLASSIFIED, PENDING_UNREAD, PENDING_WATCHED,
        TaskEntry,
    },
};

use crate::{
    current_task::{CurrentTask, task_struct},
    fields::{field, load, parameter, present, probe, probe_at},
    kernel_log::explain,
    maps::CONTROL,
    rows::add,
};

/// `TLB_FLUSH_ON_TASK_SWITCH` and `TLB_REMOTE_SHOOTDOWN` (include/linux/mm_types.h).
const TASK_SWITCH: i32 = 0;
const REMOTE_SHOOTDOWN: i32 = 1;

/// Returns half of eight bytes of kernel memory, or whether they can be read, to the tracer, which runs
/// this program itself (`BPF_PROG_TEST_RUN`): `peek(address, part)`. Address 0 stands for a place that holds
/// the address of the tracer's own page table.
///
/// The library's macro for raw tracepoints would throw away the result.
#[unsafe(no_mangle)]
#[unsafe(link_section = "raw_tp/peek")]
extern "C" fn peek(arguments: *mut c_void) -> u32 {
    let ctx = RawTracePointContext::new(arguments);
    let (address, part): (u64, u64) = (ctx.arg(0), ctx.arg(1));
    let value = if address == 0 {
        Some(highest_table(task_struct()))
    } else {
        probe_at(address as *const u8)
    };
    match (value, part) {
        (None, _) => 0,
        (Some(_), 0) => 1,
        (Some(value), 1) => value as u32,
        (Some(value), _) => (value >> 32) as u32,
    }
}

/// tp_btf `tlb_flush(reason, pages)`: between taking a mapping away and putting another in its place.
///
/// It has no backup, because no task is preempted here. The kernel skips it for a flush that another CPU
/// asks for while it runs; the flush that it runs for then finds the same page table.
#[btf_tracepoint(function = "tlb_flush")]
pub(crate) fn tlb_flushed(ctx: BtfTracePointContext) -> i32 {
    flushed(&ctx);
    0
}

/// Watches the page table if a store may copy a page; returns what the store is, as `PENDING_…` bits.
///
/// Another CPU may have made the page writable since this one looked it up. Then the exception has no
/// other cause than this CPU's old TLB entry, and is no store of either kind.
#[inline(always)]
pub(super) fn watch(current: &mut CurrentTask, address: u64, was_present: bool, class: u32) -> u32 {
    let is_file = class & (PENDING_COW | PENDING_UNCLASSIFIED) != 0;
    let is_shared = class & PENDING_MKWRITE != 0;
    if !was_present && !is_file && (is_shared || !may_have_swap_entries(current.task)) {
        return class;
    }
    let highest = highest_table(current.task);
    if highest == 0 || direct_map() == 0 {
        return class;
    }
    let entry = Entry(look_up(highest, address));
    if entry == Entry::UNREAD {
        return class | PENDING_UNREAD;
    }
    if was_present && entry.is_writable() {
        return class & !(PENDING_COW | PENDING_MKWRITE | PENDING_UNCLASSIFIED);
    }
    if is_shared {
        return class;
    }
    current.entry.watched_address = address;
    current.entry.watched_entry = entry.0;
    current.entry.watched_table = highest;
    class | PENDING_WATCHED
}

/// The flush may be one that another CPU asked for: if this CPU does it between taking the mapping away and
/// flushing on its own behalf, there is nothing left to flush (`flush_tlb_func`, arch/x86/mm/tlb.c).
#[inline(always)]
fn flushed(ctx: &BtfTracePointContext) {
    let reason: i32 = ctx.arg(0);
    if reason == TASK_SWITCH {
        return;
    }
    let Some(current) = CurrentTask::if_entered() else {
        return;
    };
    let (minor, major) = current.completed_faults();
    let entry = current.entry;
    if entry.pending & PENDING_WATCHED == 0 || minor + major >= entry.expected_faults {
        entry.call.flushes += u64::from(reason != REMOTE_SHOOTDOWN);
        return;
    }
    let now = Entry(look_up(entry.watched_table, entry.watched_address));
    if now.is_none() {
        // An anonymous huge page is split and stays mapped in between (`__split_huge_pmd_locked`,
        // mm/huge_memory.c); only the huge zero page is taken away whole.
        let is_huge_zero = now.level() > 0 && entry.pending & (PENDING_COW | PENDING_HUGETLB) == 0;
        entry.pending |= if is_huge_zero {
            PENDING_HUGE_ZERO
        } else {
            PENDING_REPLACED
        };
    }
}

/// Counts what the pending store copied, once its fault has completed.
#[unsafe(no_mangle)]
#[inline(never)]
pub(super) extern "C" fn count_copied_pages(entry: *mut TaskEntry) -> u32 {
    if entry.is_null() {
        return 0;
    }
    // SAFETY: a map value, which the caller has lent.
    let entry = unsafe { &*entry };
    let copied = if entry.pending & PENDING_UNREAD != 0 {
        Copied::Unknown
    } else {
        copied(entry, highest_table(task_struct()))
    };
    match copied {
        Copied::Nothing => {}
        Copied::Pages(pages)
            if entry.pending & (PENDING_COW | PENDING_HUGETLB_EMPTY) == PENDING_COW =>
        {
            add(entry.pending_row, Counter::CowFilePages, pages);
        }
        Copied::Pages(pages) => add(entry.pending_row, Counter::CowAnonymousPages, pages),
        Copied::Unknown => {
            explain!(
                "store at {:x}: it is unknown whether it copied a page",
                entry.watched_address
            );
            add(entry.pending_row, Counter::LostCow, 1);
        }
    }
    0
}

/// Counts what faults without an exception copied; `class` is what a store into the mapping means that the
/// call is about.
///
/// `is_new` says that the call made the mapping. Then each fault is a first store, because the kernel
/// populates writable private mappings as if they were stored into (`populate_vma_page_range`, mm/gup.c).
#[inline(always)]
pub(super) fn populated(current: &CurrentTask, class: u32, is_new: bool) {
    let (populated, flushes) = (current.entry.call.populated, current.entry.call.flushes);
    let is_file = class & PENDING_COW != 0;
    let is_empty = class & PENDING_HUGETLB_EMPTY != 0;
    let is_unknown = flushes != 0 || class & (PENDING_HUGETLB | PENDING_UNCLASSIFIED) != 0;
    if flushes == 0 && (is_empty || !is_file && !is_unknown) {
        return;
    }
    if is_new && !is_unknown {
        current.add(Counter::CowFilePages, populated);
    } else {
        explain!(
            "{} faults without an exception: it is unknown whether they copied pages",
            populated
        );
        current.add(Counter::LostCow, populated);
    }
}

enum Copied {
    Nothing,
    Pages(u64),
    Unknown,
}

#[inline(always)]
fn copied(entry: &TaskEntry, highest_now: u64) -> Copied {
    let before = Entry(entry.watched_entry);
    let has = |bits: u32| entry.pending & bits != 0;
    let is_file = has(PENDING_COW);
    let is_first = before.is_none();
    if has(PENDING_UNCLASSIFIED) && (is_first || has(PENDING_REPLACED)) {
        Copied::Unknown
    } else if is_first && has(PENDING_HUGETLB) {
        if has(PENDING_HUGETLB_EMPTY) {
            Copied::Nothing
        } else {
            Copied::Unknown
        }
    } else if is_first && is_file {
        Copied::Pages(1)
    } else if has(PENDING_HUGE_ZERO) {
        Copied::Nothing
    } else if has(PENDING_REPLACED) {
        match (before.is_special(), is_file) {
            (true, true) => Copied::Unknown,
            (true, false) => Copied::Nothing,
            _ if has(PENDING_HUGETLB) => Copied::Pages(before.pages()),
            _ => Copied::Pages(1),
        }
    } else if has_moved(entry, before, highest_now) {
        Copied::Unknown
    } else {
        Copied::Nothing
    }
}

/// Whether another page is mapped now although no flush showed that the first one was taken away.
#[inline(always)]
fn has_moved(entry: &TaskEntry, before: Entry, highest_now: u64) -> bool {
    let address = entry.watched_address;
    if highest_now != entry.watched_table || !before.is_present() {
        return false;
    }
    let now = Entry(look_up(highest_now, address));
    let tables = tables(highest_now);
    now != Entry::UNREAD
        && now.is_present()
        && tables.frame(now, address) != tables.frame(before, address)
}

/// An address space that has ever had a swap entry is in a list (`try_to_unmap_one`, mm/rmap.c). Only then
/// can a store to a page that is not present copy one (`do_swap_page`, mm/memory.c).
#[inline(always)]
fn may_have_swap_entries(task: *const u8) -> bool {
    if !present(Offset::TaskMm) || !present(Offset::MmSwapped) {
        return false;
    }
    let mm: *const u8 = load(task, Offset::TaskMm);
    !mm.is_null() && load::<u64>(mm, Offset::MmSwapped) != field(mm, Offset::MmSwapped) as u64
}

/// The page table of the highest level; 0 if the task has none.
#[inline(always)]
fn highest_table(task: *const u8) -> u64 {
    if !present(Offset::TaskMm) || !present(Offset::MmPgd) {
        return 0;
    }
    let mm: *const u8 = load(task, Offset::TaskMm);
    if mm.is_null() {
        return 0;
    }
    // The verifier would allow no arithmetic with the typed pointer that a load gives.
    probe(mm, Offset::MmPgd).unwrap_or(0)
}

#[inline(always)]
fn direct_map() -> u64 {
    CONTROL.get(CONTROL_DIRECT_MAP).copied().unwrap_or(0)
}

#[inline(always)]
fn tables(highest: u64) -> Tables {
    Tables {
        highest,
        direct_map: direct_map(),
        physical_bits: parameter(Parameter::PhysicalBits),
    }
}

/// An [`Entry`], as a number because a subprogram returns one.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn look_up(highest: u64, address: u64) -> u64 {
    tables(highest)
        .entry(address, |at| probe_at(at as *const u8))
        .0
}
