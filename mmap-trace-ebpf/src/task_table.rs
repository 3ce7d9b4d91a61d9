//! Who belongs to the run: the tasks that have an entry in the task table.
//!
//! The tracer's child enters itself (`programs/adoption.rs`), and every descendant of a traced task gets
//! its entry when it is forked, before its first instruction. No task can leave the table: namespaces,
//! sessions, user ids and parents may change, descent does not.

use mmap_trace_ebpf::{
    offsets::Offset,
    tables::{DISPLACED, TASKS, TaskEntry},
};

use crate::{fields::load, maps::TASK_TABLE};

/// Identifies a task as long as the machine runs, although thread ids are reused.
///
/// When a thread that is not the leader calls exec, it takes over both from the leader (`de_thread`,
/// fs/exec.c).
#[derive(Clone, Copy)]
pub(crate) struct TaskKey {
    pub(crate) tid: u32,
    start_ns: u64,
}

impl TaskKey {
    #[inline(always)]
    pub(crate) fn of(task: *const u8) -> Self {
        TaskKey {
            tid: load(task, Offset::TaskPid),
            start_ns: load(task, Offset::TaskStart),
        }
    }

    /// The entry of a thread that has had no fault (`copy_mm`, kernel/fork.c).
    #[inline(always)]
    pub(crate) fn new_entry(self, slot: u32) -> TaskEntry {
        TaskEntry::new(self.tid, self.start_ns, slot)
    }
}

/// The entry of a task; `None` if the task is not traced.
///
/// The idle task of the first CPU has the id 0 and started at 0 (`init_task`, init/init_task.c), which an unused
/// entry has, too.
#[inline(always)]
pub(crate) fn entry_of(task: TaskKey) -> Option<&'static mut TaskEntry> {
    if task.tid == 0 {
        return None;
    }
    let near = entry_at(near(task.tid))?;
    let entry = if near.tid == task.tid || near.displaced == 0 {
        near
    } else {
        entry_at(far(task.tid))?
    };
    (entry.tid == task.tid && entry.start_ns == task.start_ns).then_some(entry)
}

/// The entry of the living thread with this id, whenever it started.
#[inline(always)]
pub(crate) fn entry_of_living(tid: u32) -> Option<&'static mut TaskEntry> {
    let near = entry_at(near(tid))?;
    let entry = if near.tid == tid {
        near
    } else {
        entry_at(far(tid))?
    };
    (entry.tid == tid && entry.exited == 0).then_some(entry)
}

/// Enters a task; `None` if living tasks use both places that its id allows.
#[inline(always)]
pub(crate) fn enter(new: TaskEntry) -> Option<&'static mut TaskEntry> {
    let near = entry_at(near(new.tid))?;
    let entry = if is_free(near, new.tid) {
        near
    } else {
        near.displaced = 1;
        let far = entry_at(far(new.tid))?;
        if !is_free(far, new.tid) {
            return None;
        }
        far
    };
    *entry = TaskEntry {
        displaced: entry.displaced,
        ..new
    };
    Some(entry)
}

#[inline(always)]
fn is_free(entry: &TaskEntry, tid: u32) -> bool {
    entry.tid == 0 || entry.tid == tid || entry.exited != 0
}

#[inline(always)]
fn near(tid: u32) -> u32 {
    tid & (TASKS as u32 - 1)
}

/// A multiplicative hash, so that ids which share one place do not share the other.
#[inline(always)]
fn far(tid: u32) -> u32 {
    TASKS as u32 + (tid.wrapping_mul(0x9E37_79B1) >> (u32::BITS - DISPLACED.ilog2()))
}

#[inline(always)]
fn entry_at(place: u32) -> Option<&'static mut TaskEntry> {
    let entry = TASK_TABLE.get_ptr_mut(place)?;
    // SAFETY: map values live as long as the program; only the task itself writes its entry.
    Some(unsafe { &mut *entry })
}
