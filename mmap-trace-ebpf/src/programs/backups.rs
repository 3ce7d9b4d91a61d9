//! Which of a hook's two programs handles an event, as `mmap_trace_ebpf::turns` describes.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_prandom_u32};
use mmap_trace_ebpf::{
    offsets::{Injected, Offset, Parameter},
    tables::TASKS,
    turns::{Place, Turn},
};

use crate::{
    current_task::task_struct,
    fields::{injected, load, parameter},
    maps::{SECOND_TURNS, TURNS},
    rows::add_atomically,
};

/// Declares the primary and the backup program of a hook.
///
/// ```text
/// with_backup! {
///     btf_tracepoint(function = "TRACEPOINT"): PRIMARY, BACKUP at HOOK => HANDLER;
/// }
/// ```
///
/// Both call the handler with their context; at each event one of them does.
macro_rules! with_backup {
    ($($(#[$doc:meta])* $kind:ident $(($key:ident = $name:tt))?: $primary:ident, $backup:ident
       at $hook:ident => $handler:expr;)*) => {$(
        $(#[$doc])*
        #[$kind$(($key = $name))?]
        pub(crate) fn $primary(ctx: with_backup!(@context $kind)) -> with_backup!(@result $kind) {
            $crate::programs::backups::primary(::mmap_trace_ebpf::turns::Place::$hook, &ctx, $handler);
            0
        }

        /// The backup program: handles the events that the kernel did not run the primary program for.
        #[$kind$(($key = $name))?]
        pub(crate) fn $backup(ctx: with_backup!(@context $kind)) -> with_backup!(@result $kind) {
            $crate::programs::backups::backup(::mmap_trace_ebpf::turns::Place::$hook, &ctx, $handler);
            0
        }
    )*};
    (@context btf_tracepoint) => { BtfTracePointContext };
    (@context raw_tracepoint) => { RawTracePointContext };
    (@context fexit) => { FExitContext };
    (@result fexit) => { u32 };
    (@result $kind:ident) => { i32 };
}
pub(super) use with_backup;

/// Handles the event, and leaves a note for the backup program that it has.
#[inline(always)]
pub(super) fn primary<C: EbpfContext>(hook: Place, context: &C, handle: impl Fn(&C)) {
    let skips = injected(Injected::FirstLeaves) && by_chance();
    // Where no program is preempted, no backup program is attached that would read the note.
    if parameter(Parameter::Preemptible) != 0
        && let Some(last) = last_event()
    {
        last.place = hook as u32;
        last.left = u32::from(skips);
        last.seen = context.as_ptr() as u64;
    }
    if !skips {
        handle(context);
    }
}

/// Handles the event if the primary program left no note about it.
#[inline(always)]
pub(super) fn backup<C: EbpfContext>(hook: Place, context: &C, handle: impl Fn(&C)) {
    let Some(last) = last_event() else { return };
    // The verifier forbids comparing a pointer with a number, so the pointer takes a detour through
    // the map, from which it returns as a number.
    last.asked = context.as_ptr() as u64;
    // SAFETY: a map value.
    let asked = unsafe { core::ptr::read_volatile(&raw const last.asked) };
    if last.seen == asked && last.place == hook as u32 {
        last.seen = 0;
        if last.left == 0 {
            return;
        }
    } else if let Some(runs) = SECOND_TURNS.get_ptr_mut(hook as u32) {
        // SAFETY: a map value.
        add_atomically(unsafe { &mut *runs }, 1);
    }
    handle(context);
}

#[inline(always)]
fn by_chance() -> bool {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_prandom_u32() & 1 == 0 }
}

/// The note about the last event of the current thread, traced or not.
#[inline(always)]
fn last_event() -> Option<&'static mut Turn> {
    let tid: u32 = load(task_struct(), Offset::TaskPid);
    let last = TURNS.get_ptr_mut(tid & (TASKS as u32 - 1))?;
    // SAFETY: map values live as long as the program. If two threads use an entry at the same moment,
    // the backup program runs too often. The tracer notices that: the backup then ran more often than
    // the kernel skipped the primary.
    Some(unsafe { &mut *last })
}
