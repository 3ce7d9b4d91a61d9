//! Where the tracer may not unshare a namespace: how its child becomes the first member.
//!
//! The child knows its process id only within its pid namespace, which a container changes. So it
//! passes a random number to a call that takes none, and the register still holds it at sys_exit.

use mmap_trace_ebpf::{offsets::Offset, tables::CONTROL_ADOPT};

use crate::{
    fields::load,
    here::{current_task, new_task, task_entry},
    maps::CONTROL,
};

/// Enters the current task into the task table if it shows the number that the tracer drew.
#[inline(always)]
pub(super) fn adopt(registers: *const u8) {
    let Some(number) = CONTROL.get_ptr_mut(CONTROL_ADOPT) else {
        return;
    };
    // SAFETY: a map value, which no lesson can read.
    let number = unsafe { &mut *number };
    if *number == 0 || load::<u64>(registers, Offset::RegsArg1) != *number {
        return;
    }
    *number = 0;
    let task = current_task();
    let tid: u32 = load(task, Offset::TaskPid);
    if let Some(entry) = task_entry(tid) {
        *entry = new_task(task, tid, 0);
    }
}

/// A thread that is not the leader takes over the leader's id in exec (`de_thread`, fs/exec.c); the
/// leader's own entry has ended by then.
#[inline(always)]
pub(super) fn follow_exec(old_tid: u32) {
    let task = current_task();
    let tid: u32 = load(task, Offset::TaskPid);
    if tid == old_tid {
        return;
    }
    let live = task_entry(old_tid).is_some_and(|old| old.tid == old_tid && old.exited == 0);
    if live && let Some(entry) = task_entry(tid) {
        *entry = new_task(task, tid, 0);
    }
}
