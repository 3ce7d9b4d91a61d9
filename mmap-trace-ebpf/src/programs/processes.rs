//! Birth, exec and death of traced tasks: children inherit slots, and fault accounts are opened and
//! closed.

use aya_ebpf::{
    helpers::{bpf_ktime_get_ns, generated::bpf_send_signal},
    macros::btf_tracepoint,
    programs::BtfTracePointContext,
};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    session::{CELL_ENTERED, SessionPage},
    tables::{CONTROL_ARMED, CONTROL_ENDING, CallState},
};

use super::{backups::with_backup, faults};
use crate::{
    current_task::{CurrentTask, entry_of_running, task_struct},
    fields::load,
    kernel_log::explain,
    maps::CONTROL,
    rows::add,
    slots::{child_slot, current_row, session},
    task_table::{TaskKey, enter, entry_of_living},
};

/// `SIGKILL` (include/uapi/asm-generic/signal.h).
const SIGKILL: u32 = 9;

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
        let key = TaskKey::of(child);
        let inherited = current.entry.slot;
        let own = if child_tgid == parent_tgid {
            0
        } else {
            child_slot(inherited)
        };
        let slot = if own == 0 { inherited } else { own };
        explain!("thread {} counts in slot {}", key.tid, slot);
        kill_if_ending();
        if enter(key.new_entry(slot)).is_none() {
            explain!("thread {}: the task table has no place for it", key.tid);
            current.add(Counter::LostTasks, 1);
        }
    }
}

/// Kills the current process if the tracer is ending the run.
#[inline(always)]
pub(super) fn kill_if_ending() {
    let is_ending = CONTROL.get(CONTROL_ENDING).is_some_and(|word| *word != 0);
    if is_ending {
        // SAFETY: the helper has no preconditions.
        unsafe { bpf_send_signal(SIGKILL) };
    }
}

#[inline(always)]
fn executed(ctx: &BtfTracePointContext) {
    let old_tid: u32 = ctx.arg(1);
    replace_leader(old_tid);
    if let Some(mut current) = CurrentTask::if_traced() {
        begin_if_armed();
        faults::settle(&mut current);
        // The arguments were put into an address space that was not the task's own.
        current.entry.call = CallState::NEW;
    }
}

/// A thread other than the leader takes over the leader's id (`de_thread`, fs/exec.c): closes the entry
/// that it had under its own.
#[inline(always)]
fn replace_leader(old_tid: u32) {
    let task = task_struct();
    let key = TaskKey::of(task);
    if key.tid == old_tid {
        return;
    }
    let Some(old) = entry_of_living(old_tid) else {
        return;
    };
    // Without an entry of its own if another thread has taken the leader's since the leader exited.
    let current = CurrentTask::if_traced()
        .map(|current| current.entry)
        .or_else(|| enter(entry_of_running(task, key.new_entry(old.slot))));
    let Some(current) = current else {
        add(current_row(old.slot), Counter::LostTasks, 1);
        return;
    };
    let minor = current.first_faults - current.first_major;
    faults::settle_at((minor, current.first_major), old, current_row(old.slot));
    old.tid = 0;
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
