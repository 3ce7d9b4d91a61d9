//! How the tracer's child becomes the first traced task.
//!
//! The child knows its process id only within its own pid namespace, which a container changes, so
//! it cannot tell the tracer the id that the kernel uses. Instead it passes a random number, drawn by
//! the tracer, to a system call that takes no arguments; `sys_exit` still finds it in the register.

use mmap_trace_ebpf::{offsets::Offset, tables::CONTROL_ADOPT};

use crate::{
    current_task::{entry_of_running, task_struct},
    fields::load,
    maps::CONTROL,
    task_table::{TaskKey, enter},
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
    enter(entry_of_running(task, TaskKey::of(task).new_entry(0)));
}
