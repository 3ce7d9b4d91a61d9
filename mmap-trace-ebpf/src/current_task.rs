//! Whose event is this? Every program begins with [`CurrentTask::if_traced`].

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Offset, Parameter},
    tables::{TASKS, TaskEntry},
};

use crate::{
    fields::{load, parameter},
    kernel_log::explain,
    maps::TASK_TABLE,
    rows::add,
    slots::current_row,
};

/// A traced thread at an event.
pub(crate) struct CurrentTask {
    /// Its `task_struct`; the verifier knows the pointer's type.
    pub(crate) task: *const u8,
    /// Its entry in the task table.
    pub(crate) entry: &'static mut TaskEntry,
    /// The row that its process counts in at present.
    pub(crate) row: u32,
}

impl CurrentTask {
    /// The current task, or `None` if it is not traced.
    #[inline(always)]
    pub(crate) fn if_traced() -> Option<Self> {
        let task = traced()?;
        let tid: u32 = load(task, Offset::TaskPid);
        let entry = task_entry(tid)?;
        let mut is_shared = false;
        if entry.tid != tid {
            is_shared = entry.tid != 0 && entry.exited == 0;
            if is_shared {
                explain!(
                    "thread {} takes the task entry of thread {}",
                    tid,
                    entry.tid
                );
            }
            *entry = new_entry(task, tid, 0);
        }
        let current = CurrentTask {
            row: current_row(entry.slot),
            task,
            entry,
        };
        if is_shared {
            current.add(Counter::LostTasks, 1);
        }
        Some(current)
    }

    /// Adds to a counter of the task's current row.
    #[inline(always)]
    pub(crate) fn add(&self, counter: Counter, n: u64) {
        add(self.row, counter, n);
    }

    /// The kernel's own account of completed faults: `min_flt` and `maj_flt`.
    #[inline(always)]
    pub(crate) fn completed_faults(&self) -> (u64, u64) {
        completed_faults(self.task)
    }
}

/// The `task_struct` of the current task if the task is traced.
///
/// A task is traced if it lives in the UTS namespace that the tracer's child unshared. Threads,
/// forks, exec and daemons inherit that namespace without bookkeeping, and the lesson can neither
/// leave nor forge it. Where unsharing is not permitted, a task is traced if it has a live entry in
/// the task table: the tracer's child is adopted (`programs/adoption.rs`), and its descendants get
/// their entries when they are forked.
#[inline(always)]
pub(crate) fn traced() -> Option<*const u8> {
    let task = task_struct();
    let is_traced = if uses_namespace() {
        shares_namespace(task)
    } else {
        let tid: u32 = load(task, Offset::TaskPid);
        task_entry(tid).is_some_and(|entry| entry.tid == tid && entry.exited == 0)
    };
    is_traced.then_some(task)
}

/// Whether this run recognizes traced tasks by their namespace.
#[inline(always)]
pub(crate) fn uses_namespace() -> bool {
    parameter(Parameter::MemberUts) != 0
}

/// The `task_struct` of the current task, traced or not; the verifier knows the pointer's type.
#[inline(always)]
pub(crate) fn task_struct() -> *const u8 {
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

/// The current row of a traced task, found without touching its entry in the task table.
#[inline(always)]
pub(crate) fn row_of_traced(task: *const u8) -> u32 {
    let tid: u32 = load(task, Offset::TaskPid);
    match task_entry(tid) {
        Some(entry) if entry.tid == tid => current_row(entry.slot),
        _ => current_row(0),
    }
}

/// The table entry that a thread id selects; it may belong to another thread.
#[inline(always)]
pub(crate) fn task_entry(tid: u32) -> Option<&'static mut TaskEntry> {
    let entry = TASK_TABLE.get_ptr_mut(tid & (TASKS as u32 - 1))?;
    // SAFETY: map values live as long as the program; only the task itself writes its entry.
    Some(unsafe { &mut *entry })
}

/// A new entry for a thread that has been running: faults before this event are not counted.
#[inline(always)]
pub(crate) fn new_entry(task: *const u8, tid: u32, slot: u32) -> TaskEntry {
    let (minor, major) = completed_faults(task);
    TaskEntry {
        expected_faults: minor + major,
        seen_major: major,
        ..TaskEntry::new(tid, slot)
    }
}

#[inline(always)]
fn completed_faults(task: *const u8) -> (u64, u64) {
    (
        load(task, Offset::TaskMinFlt),
        load(task, Offset::TaskMajFlt),
    )
}
