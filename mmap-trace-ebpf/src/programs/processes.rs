//! Birth, exec and death of traced tasks: slots are inherited, fault accounts opened and closed.

use aya_ebpf::{helpers::bpf_ktime_get_ns, macros::btf_tracepoint, programs::BtfTracePointContext};
use aya_log_ebpf::debug;
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    session::{CELL_ENTERED, SLOTS, SessionPage},
    tables::{CONTROL_ARMED, Task},
};

use super::{adoption::follow_exec, faults, turns::twice};
use crate::{
    fields::load,
    here::{Here, by_namespace, new_task, session, slot, task_entry},
    maps::CONTROL,
};

twice! {
    /// tp_btf `sched_process_fork(parent, child)`: before the child's first instruction.
    btf_tracepoint(function = "sched_process_fork"): process_fork, process_fork_second at Fork => forked;

    /// tp_btf `sched_process_exec(task, old_pid, bprm)`: the new image is in place.
    btf_tracepoint(function = "sched_process_exec"): process_exec, process_exec_second at Exec => executed;

    /// tp_btf `sched_process_exit(task)`: the last chance to settle a thread's faults.
    btf_tracepoint(function = "sched_process_exit"): process_exit, process_exit_second at Exit => exited;
}

#[inline(always)]
fn forked(ctx: &BtfTracePointContext) {
    let child: *const u8 = ctx.arg(1);
    if !child.is_null()
        && let Some(here) = Here::current()
    {
        let parent_tgid: u32 = load(here.task, Offset::TaskTgid);
        let child_tgid: u32 = load(child, Offset::TaskTgid);
        let tid: u32 = load(child, Offset::TaskPid);
        let inherited = here.entry.slot;
        let own = if child_tgid == parent_tgid {
            0
        } else {
            next_slot(inherited)
        };
        let slot = if own == 0 { inherited } else { own };
        debug!(ctx, "task {} in slot {}", tid, slot);
        if let Some(entry) = task_entry(tid) {
            if entry.tid != 0 && entry.tid != tid && entry.exited == 0 {
                here.count(Counter::LostTasks, 1);
            }
            // copy_mm() starts a child's account at zero.
            *entry = Task {
                tid,
                slot,
                expected_faults: 0,
                seen_major: 0,
                pending_row: 0,
                pending: 0,
                received_bytes: 0,
                exited: 0,
            };
        }
    }
}

/// The slot that the parent chose for its next child; 0: none.
#[inline(always)]
fn next_slot(parent: u32) -> u32 {
    let Some(parent) = slot(parent) else { return 0 };
    // SAFETY: points into the page; the value is bounded here.
    let chosen =
        unsafe { core::ptr::read_volatile((&raw const (*parent).child_slot).cast::<u32>()) };
    if chosen < SLOTS as u32 { chosen } else { 0 }
}

#[inline(always)]
fn executed(ctx: &BtfTracePointContext) {
    let old_tid: u32 = ctx.arg(1);
    if !by_namespace() {
        follow_exec(old_tid);
    }
    if let Some(mut here) = Here::current() {
        begin_if_armed();
        faults::settle(&mut here);
        // A thread that is not the leader takes over the leader's id (de_thread, fs/exec.c).
        let slot =
            task_entry(old_tid).map_or(0, |old| if old.tid == old_tid { old.slot } else { 0 });
        *here.entry = new_task(here.task, here.entry.tid, slot);
    }
}

/// `mmap-trace exec`: scenario 1 begins with the command's own image, not with our preparation.
#[inline(always)]
fn begin_if_armed() {
    let (Some(armed), Some(page)) = (CONTROL.get_ptr_mut(CONTROL_ARMED), session()) else {
        return;
    };
    // SAFETY: map values; the page is ours alone in this mode.
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
    if let Some(mut here) = Here::current() {
        faults::settle(&mut here);
        here.entry.exited = 1;
    }
}
