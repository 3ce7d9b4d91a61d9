//! Which of the two programs of a hook acts: see `mmap_trace_ebpf::turns`.

use aya_ebpf::{EbpfContext, helpers::generated::bpf_get_prandom_u32};
use mmap_trace_ebpf::{
    offsets::{Injected, Offset, Parameter},
    tables::TASKS,
    turns::{Place, Turn},
};

use crate::{
    fields::{injected, load, parameter},
    here::{add_atomically, current_task},
    maps::{SECOND_TURNS, TURNS},
};

/// Declares the first and the second program of a hook, which do the same.
macro_rules! twice {
    ($($(#[$doc:meta])* $kind:ident $(($key:ident = $name:tt))?: $first:ident, $second:ident
       at $place:ident => $act:expr;)*) => {$(
        $(#[$doc])*
        #[$kind$(($key = $name))?]
        pub(crate) fn $first(ctx: twice!(@context $kind)) -> twice!(@result $kind) {
            $crate::programs::turns::first(::mmap_trace_ebpf::turns::Place::$place, &ctx, $act);
            0
        }

        /// The same when the first was skipped.
        #[$kind$(($key = $name))?]
        pub(crate) fn $second(ctx: twice!(@context $kind)) -> twice!(@result $kind) {
            $crate::programs::turns::second(::mmap_trace_ebpf::turns::Place::$place, &ctx, $act);
            0
        }
    )*};
    (@context btf_tracepoint) => { BtfTracePointContext };
    (@context raw_tracepoint) => { RawTracePointContext };
    (@context fexit) => { FExitContext };
    (@result fexit) => { u32 };
    (@result $kind:ident) => { i32 };
}
pub(super) use twice;

/// The first acts, and says that it saw the event.
#[inline(always)]
pub(super) fn first<C: EbpfContext>(place: Place, context: &C, act: impl Fn(&C)) {
    let left = injected(Injected::FirstLeaves) && by_chance();
    // Where nothing is preempted the second is not there.
    if parameter(Parameter::Preemptible) != 0
        && let Some(turn) = turn()
    {
        turn.place = place as u32;
        turn.left = u32::from(left);
        turn.seen = context.as_ptr() as u64;
    }
    if !left {
        act(context);
    }
}

/// The second acts if the first did not see the event, or left it.
#[inline(always)]
pub(super) fn second<C: EbpfContext>(place: Place, context: &C, act: impl Fn(&C)) {
    let Some(turn) = turn() else { return };
    turn.asked = context.as_ptr() as u64;
    // SAFETY: a map value.
    let asked = unsafe { core::ptr::read_volatile(&raw const turn.asked) };
    if turn.seen == asked && turn.place == place as u32 {
        turn.seen = 0;
        if turn.left == 0 {
            return;
        }
    } else if let Some(times) = SECOND_TURNS.get_ptr_mut(place as u32) {
        // SAFETY: a map value.
        add_atomically(unsafe { &mut *times }, 1);
    }
    act(context);
}

#[inline(always)]
fn by_chance() -> bool {
    // SAFETY: the helper has no preconditions.
    unsafe { bpf_get_prandom_u32() & 1 == 0 }
}

/// The entry of the current thread, member or not.
#[inline(always)]
fn turn() -> Option<&'static mut Turn> {
    let tid: u32 = load(current_task(), Offset::TaskPid);
    let turn = TURNS.get_ptr_mut(tid & (TASKS as u32 - 1))?;
    // SAFETY: map values live as long as the program. Two threads that share an entry at the same
    // moment make the second act too often, which shows: it then acted more often than was skipped.
    Some(unsafe { &mut *turn })
}
