//! The first call of every program: is this task a member, and in which row does its event belong?

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use mmap_trace_ebpf::{
    counters::{Counter, Row, row_of},
    offsets::{Offset, Parameter},
    session::{CELLS, ROLES, SLOTS, SessionPage, Slot},
    tables::{TASKS, Task},
};

use crate::{
    fields::{load, parameter},
    maps::{COUNTERS, SESSION, TASK_TABLE},
};

/// A traced thread at an event.
pub(crate) struct Here {
    /// `task_struct`, typed.
    pub(crate) task: *const u8,
    /// Its entry of the task table.
    pub(crate) entry: &'static mut Task,
    /// Row of its process's current cell and role.
    pub(crate) row: u32,
}

/// The current task if it is a member.
///
/// Membership is the UTS namespace that the tracer's child unshared: it follows threads, forks,
/// exec and daemons without bookkeeping, and the lesson can not leave or forge it. Where unsharing
/// is not permitted, it is a live entry of the task table: the tracer's child is adopted
/// (`programs/adoption.rs`), and its descendants get theirs when they are forked.
#[inline(always)]
pub(crate) fn member() -> Option<*const u8> {
    let task = current_task();
    let is_member = if by_namespace() {
        shares_namespace(task)
    } else {
        let tid: u32 = load(task, Offset::TaskPid);
        task_entry(tid).is_some_and(|entry| entry.tid == tid && entry.exited == 0)
    };
    is_member.then_some(task)
}

/// Whether this run tells members by namespace.
#[inline(always)]
pub(crate) fn by_namespace() -> bool {
    parameter(Parameter::MemberUts) != 0
}

/// `task_struct` of the current task, typed.
#[inline(always)]
pub(crate) fn current_task() -> *const u8 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task_btf() }.cast()
}

#[inline(always)]
fn shares_namespace(task: *const u8) -> bool {
    let namespaces: *const u8 = load(task, Offset::TaskNsproxy);
    if namespaces.is_null() {
        return false;
    }
    let uts: *const u8 = load(namespaces, Offset::NsproxyUts);
    !uts.is_null() && load::<u32>(uts, Offset::UtsInum) == parameter(Parameter::MemberUts)
}

impl Here {
    /// Where the current task stands; `None` for a task that is not traced.
    #[inline(always)]
    pub(crate) fn current() -> Option<Self> {
        let task = member()?;
        let tid: u32 = load(task, Offset::TaskPid);
        let entry = task_entry(tid)?;
        let mut shared = false;
        if entry.tid != tid {
            shared = entry.tid != 0 && entry.exited == 0;
            *entry = new_task(task, tid, 0);
        }
        let here = Here {
            row: current_row(entry.slot),
            task,
            entry,
        };
        if shared {
            count(here.row, Counter::LostTasks, 1);
        }
        Some(here)
    }

    /// Adds to a counter of the current row.
    #[inline(always)]
    pub(crate) fn count(&self, counter: Counter, n: u64) {
        count(self.row, counter, n);
    }

    /// `min_flt` and `maj_flt` of the task: faults that completed, by the kernel's own account.
    #[inline(always)]
    pub(crate) fn completed_faults(&self) -> (u64, u64) {
        completed_faults(self.task)
    }
}

/// Row of a member's current cell and role, without touching its entry.
#[inline(always)]
pub(crate) fn row_of_member(task: *const u8) -> u32 {
    let tid: u32 = load(task, Offset::TaskPid);
    match task_entry(tid) {
        Some(entry) if entry.tid == tid => current_row(entry.slot),
        _ => current_row(0),
    }
}

/// The entry that a thread id selects, whoever's it is.
#[inline(always)]
pub(crate) fn task_entry(tid: u32) -> Option<&'static mut Task> {
    let entry = TASK_TABLE.get_ptr_mut(tid & (TASKS as u32 - 1))?;
    // SAFETY: map values live as long as the program; only the task itself writes its entry.
    Some(unsafe { &mut *entry })
}

/// A fresh account for a thread.
#[inline(always)]
pub(crate) fn new_task(task: *const u8, tid: u32, slot: u32) -> Task {
    let (minor, major) = completed_faults(task);
    Task {
        tid,
        slot,
        expected_faults: minor + major,
        seen_major: major,
        pending_row: 0,
        pending: 0,
        received_bytes: 0,
        exited: 0,
    }
}

#[inline(always)]
fn completed_faults(task: *const u8) -> (u64, u64) {
    (
        load(task, Offset::TaskMinFlt),
        load(task, Offset::TaskMajFlt),
    )
}

/// The session page. Everything read from it must be bounded.
#[inline(always)]
pub(crate) fn session() -> Option<*mut SessionPage> {
    SESSION.get_ptr_mut(0)
}

/// The slot of a process in the session page.
#[inline(always)]
pub(crate) fn slot(number: u32) -> Option<*mut Slot> {
    let page = session()?.cast::<u8>();
    let number = (number as usize) & (SLOTS - 1);
    let offset = core::mem::offset_of!(SessionPage, slots) + number * size_of::<Slot>();
    Some(page.wrapping_add(offset).cast())
}

/// Row of what the slot's process is doing now; row 0 outside every scenario.
#[inline(always)]
pub(crate) fn current_row(number: u32) -> u32 {
    let Some(slot) = slot(number) else { return 0 };
    // SAFETY: points into the page; the values are bounded below.
    let (cell, role) = unsafe {
        (
            core::ptr::read_volatile((&raw const (*slot).cell).cast::<u32>()),
            core::ptr::read_volatile((&raw const (*slot).role).cast::<u32>()),
        )
    };
    let cell = if cell < CELLS as u32 { cell } else { 0 };
    let role = if role < ROLES as u32 { role } else { 0 };
    row_of(cell as usize, role as usize) as u32
}

/// This CPU's copy of a row.
#[inline(always)]
pub(crate) fn row(number: u32) -> Option<&'static mut Row> {
    // SAFETY: map values live as long as the program; no other CPU writes this copy.
    COUNTERS.get_ptr_mut(number).map(|row| unsafe { &mut *row })
}

/// Adds to a counter of a row.
#[inline(always)]
pub(crate) fn bump(row: &mut Row, counter: Counter, n: u64) {
    raise(&mut row.values[counter as usize], n);
}

/// Adds to a counter; 1 less is `u64::MAX`. A program that can be preempted must not lose what another
/// one adds meanwhile, and only then an atomic addition is worth its price.
#[inline(always)]
pub(crate) fn raise(value: &mut u64, n: u64) {
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

/// Adds to a counter of any row.
#[inline(always)]
pub(crate) fn count(number: u32, counter: Counter, n: u64) {
    if let Some(row) = row(number) {
        bump(row, counter, n);
    }
}
