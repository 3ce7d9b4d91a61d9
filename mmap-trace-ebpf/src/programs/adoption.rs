//! How the tracer's child becomes the first traced task where the tracer cannot unshare a namespace.
//!
//! The child knows its process id only within its own pid namespace, which a container changes, so
//! it cannot tell the tracer the id that the kernel uses. Instead it passes a random number, drawn by
//! the tracer, to a system call that takes no arguments; `sys_exit` still finds it in the register.

use mmap_trace_ebpf::{offsets::Offset, tables::CONTROL_ADOPT};

use crate::{
    current_task::{new_entry, task_entry, task_struct},
    fields::load,
    maps::CONTROL,
};

/// Enters the current task into the task table if it passed the number that the tracer drew.
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
    let task = task_struct();
    let tid: u32 = load(task, Offset::TaskPid);
    if let Some(entry) = task_entry(tid) {
        *entry = new_entry(task, tid, 0);
    }
}

/// Keeps a process traced when a thread other than the leader calls exec: that thread takes over the
/// leader's id (`de_thread`, fs/exec.c), and the leader's own entry has ended by then.
#[inline(always)]
pub(super) fn follow_exec(old_tid: u32) {
    let task = task_struct();
    let tid: u32 = load(task, Offset::TaskPid);
    if tid == old_tid {
        return;
    }
    let was_traced = task_entry(old_tid).is_some_and(|old| old.tid == old_tid && old.exited == 0);
    if was_traced && let Some(entry) = task_entry(tid) {
        *entry = new_entry(task, tid, 0);
    }
}
