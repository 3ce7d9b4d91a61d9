//! Which of a hook's two programs handles an event, as `mmap_trace_ebpf::backups` describes.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_prandom_u32};
use mmap_trace_ebpf::{
    backups::LastEvent,
    offsets::{Injected, Offset, Parameter},
    tables::TASKS,
};

use crate::{
    current_task::task_struct,
    fields::{injected, load, parameter},
    maps::{BACKUP_RUNS, LAST_EVENTS},
    rows::add_atomically,
};

/// Declares the primary and the backup program of a hook.
///
/// ```text
/// with_backup! {
///     btf_tracepoint(function = "TRACEPOINT"): PRIMARY, PRIMARY_backup => HANDLER;
/// }
/// ```
///
/// Both call the handler with their context; at each event one of them does.
macro_rules! with_backup {
    ($($(#[$doc:meta])* $kind:ident $(($key:ident = $name:tt))?: $primary:ident, $backup:ident
       => $handler:expr;)*) => {$(
        $(#[$doc])*
        #[$kind$(($key = $name))?]
        pub(crate) fn $primary(ctx: with_backup!(@context $kind)) -> with_backup!(@result $kind) {
            $crate::programs::backups::primary(with_backup!(@key $primary), &ctx, $handler);
            0
        }

        /// The backup program: handles the events that the kernel did not run the primary program for.
        #[$kind$(($key = $name))?]
        pub(crate) fn $backup(ctx: with_backup!(@context $kind)) -> with_backup!(@result $kind) {
            $crate::programs::backups::backup(with_backup!(@key $primary), &ctx, $handler);
            0
        }
    )*};
    (@key $primary:ident) => {
        const { ::mmap_trace_ebpf::backups::key_of(stringify!($primary)) }
    };
    (@context btf_tracepoint) => { BtfTracePointContext };
    (@context raw_tracepoint) => { RawTracePointContext };
    (@context fexit) => { FExitContext };
    (@result fexit) => { u32 };
    (@result $kind:ident) => { i32 };
}
pub(super) use with_backup;

/// Handles the event, and leaves a note for the backup program that it has.
#[inline(always)]
pub(super) fn primary<C: EbpfContext>(program: u64, context: &C, handle: impl Fn(&C)) {
    let skips = injected(Injected::PrimarySkips) && by_chance();
    // Where no program is preempted, no backup program is attached that would read the note.
    if parameter(Parameter::Preemptible) != 0
        && let Some(last) = last_event()
    {
        last.program = program;
        last.skipped = u64::from(skips);
        last.arguments = context.as_ptr() as u64;
    }
    if !skips {
        handle(context);
    }
}

/// Handles the event if the primary program left no note about it.
#[inline(always)]
pub(super) fn backup<C: EbpfContext>(program: u64, context: &C, handle: impl Fn(&C)) {
    let Some(last) = last_event() else { return };
    last.backup_arguments = context.as_ptr() as u64;
    // SAFETY: a map value.
    let arguments = unsafe { core::ptr::read_volatile(&raw const last.backup_arguments) };
    if last.arguments == arguments && last.program == program {
        last.arguments = 0;
        if last.skipped == 0 {
            return;
        }
    } else if let Some(runs) = BACKUP_RUNS.get_ptr_mut(program) {
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
fn last_event() -> Option<&'static mut LastEvent> {
    let tid: u32 = load(task_struct(), Offset::TaskPid);
    let last = LAST_EVENTS.get_ptr_mut(tid & (TASKS as u32 - 1))?;
    // SAFETY: map values live as long as the program. If two threads use an entry at the same moment,
    // the backup program runs too often. The tracer notices that: the backup then ran more often than
    // the kernel skipped the primary.
    Some(unsafe { &mut *last })
}
