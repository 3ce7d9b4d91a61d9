//! Birth, exec and death of traced tasks: children inherit slots, and fault accounts are opened and
//! closed.

use aya_ebpf::{helpers::bpf_ktime_get_ns, macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    session::{CELL_ENTERED, SessionPage},
    tables::{CONTROL_ARMED, TaskEntry},
};

use super::{adoption::follow_exec, backups::with_backup, faults};
use crate::{
    current_task::{CurrentTask, new_entry, task_entry, uses_namespace},
    fields::load,
    kernel_log::explain,
    maps::CONTROL,
    slots::{child_slot, session},
};

with_backup! {
    /// tp_btf `sched_process_fork(parent, child)`: before the child's first instruction.
    btf_tracepoint(function = "sched_process_fork"): process_fork, process_fork_backup => forked;

    /// tp_btf `sched_process_exec(task, old_pid, bprm)`: the new image is in place.
    btf_tracepoint(function = "sched_process_exec"): process_exec, process_exec_backup => executed;

    /// tp_btf `sched_process_exit(task)`: the last chance to settle a thread's faults.
    btf_tracepoint(function = "sched_process_exit"): process_exit, process_exit_backup => exited;
}

#[inline(always)]
fn forked(ctx: &BtfTracePointContext) {
    let child: *const u8 = ctx.arg(1);
    if !child.is_null()
        && let Some(current) = CurrentTask::if_traced()
    {
        let parent_tgid: u32 = load(current.task, Offset::TaskTgid);
        let child_tgid: u32 = load(child, Offset::TaskTgid);
        let tid: u32 = load(child, Offset::TaskPid);
        let inherited = current.entry.slot;
        let own = if child_tgid == parent_tgid {
            0
        } else {
            child_slot(inherited)
        };
        let slot = if own == 0 { inherited } else { own };
        explain!("thread {} counts in slot {}", tid, slot);
        if let Some(entry) = task_entry(tid) {
            if entry.tid != 0 && entry.tid != tid && entry.exited == 0 {
                explain!(
                    "thread {} takes the task entry of thread {}",
                    tid,
                    entry.tid
                );
                current.add(Counter::LostTasks, 1);
            }
            // The account of a child starts at zero (`copy_mm`, kernel/fork.c).
            *entry = TaskEntry::new(tid, slot);
        }
    }
}

#[inline(always)]
fn executed(ctx: &BtfTracePointContext) {
    let old_tid: u32 = ctx.arg(1);
    if !uses_namespace() {
        follow_exec(old_tid);
    }
    if let Some(mut current) = CurrentTask::if_traced() {
        begin_if_armed();
        faults::settle(&mut current);
        // A thread other than the leader takes over the leader's id (`de_thread`, fs/exec.c), but it
        // keeps its own slot.
        let slot =
            task_entry(old_tid).map_or(0, |old| if old.tid == old_tid { old.slot } else { 0 });
        *current.entry = new_entry(current.task, current.entry.tid, slot);
    }
}

/// `mmap-trace exec`: scenario 1 begins with the command's own image, so that it does not include the
/// tracer's preparations.
#[inline(always)]
fn begin_if_armed() {
    let (Some(armed), Some(page)) = (CONTROL.get_ptr_mut(CONTROL_ARMED), session()) else {
        return;
    };
    // SAFETY: map values; a command does not know of the page, so nobody else writes it.
    unsafe {
        if *armed == 0 {
            return;
        }
        *armed = 0;
        let page: *mut SessionPage = page;
        core::ptr::write_volatile(
            (&raw mut (*page).cells[1].begin_ns).cast::<u64>(),
            bpf_ktime_get_ns(),
        );
        core::ptr::write_volatile(
            (&raw mut (*page).cells[1].state).cast::<u32>(),
            CELL_ENTERED,
        );
        core::ptr::write_volatile((&raw mut (*page).slots[0].cell).cast::<u32>(), 1);
    }
}

#[inline(always)]
fn exited(_: &BtfTracePointContext) {
    if let Some(mut current) = CurrentTask::if_traced() {
        faults::settle(&mut current);
        current.entry.exited = 1;
    }
}
