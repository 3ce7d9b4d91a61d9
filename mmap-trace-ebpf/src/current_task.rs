//! Whose event is this? Every program begins with [`CurrentTask::if_traced`].

use aya_ebpf::helpers::generated::bpf_get_current_task_btf;
use mmap_trace_ebpf::{counters::Counter, offsets::Offset, tables::TaskEntry};

use crate::{
    fields::load,
    kernel_log::explain,
    rows::add,
    slots::current_row,
    task_table::{TaskKey, enter, entry_of},
};

/// `PF_EXITING` of `task_struct.flags` (include/linux/sched.h).
const EXITING: u32 = 4;

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
        let task = task_struct();
        let key = TaskKey::of(task);
        let entry = match entry_of(key) {
            Some(entry) => entry,
            None => join_process(task, key)?,
        };
        if entry.exited != 0 && load::<u32>(task, Offset::TaskFlags) & EXITING == 0 {
            take_over(entry, task);
        }
        Some(CurrentTask {
            row: current_row(entry.slot),
            task,
            entry,
        })
    }

    /// The current task if it has an entry. This changes nothing, so an interrupt may ask.
    #[inline(always)]
    pub(crate) fn if_entered() -> Option<Self> {
        let task = task_struct();
        let entry = entry_of(TaskKey::of(task))?;
        Some(CurrentTask {
            row: current_row(entry.slot),
            task,
            entry,
        })
    }

    /// The current task again, in a subprogram to which [`CurrentTask::entry`] and [`CurrentTask::row`] were
    /// passed.
    #[inline(always)]
    pub(crate) fn again(entry: *mut TaskEntry, row: u32) -> Option<Self> {
        if entry.is_null() {
            return None;
        }
        Some(CurrentTask {
            task: task_struct(),
            // SAFETY: map values live as long as the program, and the caller has lent its reference.
            entry: unsafe { &mut *entry },
            row,
        })
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

/// Enters a thread of a traced process that no fork event announced: the workers of `io_uring`
/// (`create_io_thread`, kernel/fork.c).
#[inline(always)]
fn join_process(task: *const u8, key: TaskKey) -> Option<&'static mut TaskEntry> {
    let slot = entry_of(leader_of(task, key)?)?.slot;
    let entered = enter(key.new_entry(slot));
    if entered.is_none() {
        explain!("thread {}: the task table has no place for it", key.tid);
        add(current_row(slot), Counter::LostTasks, 1);
    }
    entered
}

/// The leader of a task's process; `None` if the task itself leads it.
#[inline(always)]
fn leader_of(task: *const u8, key: TaskKey) -> Option<TaskKey> {
    if load::<u32>(task, Offset::TaskTgid) == key.tid {
        return None;
    }
    let leader: *const u8 = load(task, Offset::TaskGroupLeader);
    (!leader.is_null()).then(|| TaskKey::of(leader))
}

/// Gives the entry of a leader that has exited to the thread that became the leader by calling exec.
///
/// That thread's own entry is found at the end of exec, where the kernel tells the id that it had. The
/// account at this moment is kept, so that the thread's faults until now can be settled there.
#[inline(always)]
fn take_over(entry: &mut TaskEntry, task: *const u8) {
    explain!("a thread takes over the id {} by exec", entry.tid);
    *entry = TaskEntry {
        displaced: entry.displaced,
        ..entry_of_running(task, TaskEntry::new(entry.tid, entry.start_ns, entry.slot))
    };
}

/// The row of the current task if it is traced, found without writing to the task table.
#[inline(always)]
pub(crate) fn row_if_traced() -> Option<u32> {
    let task = task_struct();
    let key = TaskKey::of(task);
    let entry = match entry_of(key) {
        Some(entry) => entry,
        None => entry_of(leader_of(task, key)?)?,
    };
    Some(current_row(entry.slot))
}

/// The `task_struct` of the current task, traced or not; the verifier knows the pointer's type.
#[inline(always)]
pub(crate) fn task_struct() -> *const u8 {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_current_task_btf() }.cast()
}

/// Opens the account of a thread that has been running: faults before this event are not counted.
#[inline(always)]
pub(crate) fn entry_of_running(task: *const u8, entry: TaskEntry) -> TaskEntry {
    let (minor, major) = completed_faults(task);
    TaskEntry {
        expected_faults: minor + major,
        seen_major: major,
        first_faults: minor + major,
        first_major: major,
        ..entry
    }
}

#[inline(always)]
fn completed_faults(task: *const u8) -> (u64, u64) {
    (
        load(task, Offset::TaskMinFlt),
        load(task, Offset::TaskMajFlt),
    )
}
