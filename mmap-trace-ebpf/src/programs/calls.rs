//! System calls: one program at their exit counts them and the payload they moved.
//!
//! At `sys_exit` the call number and the arguments still stand in the registers, so nothing has to
//! be kept from the entry, and a call that blocks can not lose its arguments to another task.

use aya_ebpf::{
    helpers::bpf_probe_read_user, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use mmap_trace_ebpf::{
    calls::{Call, Rule},
    counters::{Counter, ROW_COUNTERS, Row},
    offsets::Offset,
    tables::CONTROL_GENERATION,
};

use super::{adoption::adopt, copies, faults, receive, turns::twice};
use crate::{
    fields::{call, load, present},
    here::{Here, bump, by_namespace, raise, row},
    maps::CONTROL,
};

/// `TS_COMPAT` of `thread_info.status`: a 32-bit call on x86 (arch/x86/include/asm/thread_info.h).
const TS_COMPAT: u32 = 2;

twice! {
    /// tp_btf `sys_exit(regs, ret)`.
    btf_tracepoint(function = "sys_exit"): sys_exit, sys_exit_second at SysExit => returned;
}

#[inline(always)]
fn returned(ctx: &BtfTracePointContext) {
    let registers: *const u8 = ctx.arg(0);
    if !registers.is_null() {
        completed(registers, ctx.arg(1));
    }
}

#[inline(always)]
fn completed(registers: *const u8, result: i64) {
    let Some(mut here) = Here::current() else {
        if !by_namespace() {
            adopt(registers);
        }
        return;
    };
    faults::settle(&mut here);
    let Some(row) = row(here.row) else { return };
    if is_compat(&here) {
        bump(row, Counter::SyscallsOther, 1);
        bump(row, Counter::LostCalls, 1);
        return;
    }
    let call = call(load(registers, Offset::RegsCall));
    if call.rule == Rule::Fork as u8 && result == 0 {
        // ret_from_fork passes here in the child, which has not called anything.
        return;
    }
    add(row, u32::from(call.class), 1);
    if call.rule != Rule::None as u8 {
        payload(&mut here, row, call, registers, result);
    }
}

#[inline(always)]
fn is_compat(here: &Here) -> bool {
    present(Offset::TaskStatus) && load::<u32>(here.task, Offset::TaskStatus) & TS_COMPAT != 0
}

#[inline(always)]
fn payload(here: &mut Here, row: &mut Row, call: Call, registers: *const u8, result: i64) {
    if call.rule == Rule::Remap as u8 {
        new_generation();
        return;
    }
    if call.rule == Rule::Uncounted as u8 || call.rule == Rule::Ring as u8 {
        uncounted(row, call, registers, result);
        return;
    }
    if result <= 0 {
        return;
    }
    let bytes = result as u64;
    let rule = call.rule;
    if rule == Rule::Read as u8 {
        copies::read(here, row, argument(registers, Offset::RegsArg1), bytes);
    } else if rule == Rule::Write as u8 {
        copies::write(here, row, argument(registers, Offset::RegsArg1), bytes);
    } else if rule == Rule::SendTo as u8 {
        let socket = argument(registers, Offset::RegsArg1);
        let flags = argument(registers, Offset::RegsArg4);
        copies::send(here, row, socket, flags, bytes);
    } else if rule == Rule::SendMsg as u8 {
        let socket = argument(registers, Offset::RegsArg1);
        let flags = argument(registers, Offset::RegsArg3);
        copies::send(here, row, socket, flags, bytes);
    } else if rule == Rule::SendMmsg as u8 {
        let messages = argument(registers, Offset::RegsArg2);
        let socket = argument(registers, Offset::RegsArg1);
        let flags = argument(registers, Offset::RegsArg4);
        copies::send_messages(here, row, socket, flags, (messages, bytes));
    } else if rule == Rule::ReceiveFrom as u8 {
        let limit = argument(registers, Offset::RegsArg3);
        let socket = argument(registers, Offset::RegsArg1);
        let flags = argument(registers, Offset::RegsArg4);
        receive::from(here, row, socket, flags, limit, bytes);
    } else if rule == Rule::ReceiveMsg as u8 {
        let message = argument(registers, Offset::RegsArg2);
        let socket = argument(registers, Offset::RegsArg1);
        let flags = argument(registers, Offset::RegsArg3);
        receive::message(here, row, socket, flags, message, bytes);
    } else if rule == Rule::ReceiveMmsg as u8 {
        let messages = argument(registers, Offset::RegsArg2);
        let flags = argument(registers, Offset::RegsArg4);
        receive::messages(here, row, messages, flags, bytes);
    } else if rule == Rule::ProcessRead as u8 {
        bump(row, Counter::ToUserProcess, bytes);
    } else if rule == Rule::ProcessWrite as u8 {
        bump(row, Counter::FromUserProcess, bytes);
    } else if rule == Rule::Vmsplice as u8 {
        copies::vmsplice(here, row, argument(registers, Offset::RegsArg1), bytes);
    } else if rule == Rule::Transfer as u8 {
        bump(row, Counter::Transferred, bytes);
    }
}

/// `IORING_SETUP_SQPOLL`, and the place of `flags` in `struct io_uring_params`
/// (include/uapi/linux/io_uring.h).
const SETUP_SQPOLL: u32 = 2;
const PARAMS_FLAGS: u64 = 8;

#[inline(always)]
fn uncounted(row: &mut Row, call: Call, registers: *const u8, result: i64) {
    if result < 0 {
        return;
    }
    bump(row, Counter::LostCalls, 1);
    if call.rule == Rule::Ring as u8 {
        let flags = argument(registers, Offset::RegsArg2) + PARAMS_FLAGS;
        // SAFETY: the helper checks the address.
        let flags = unsafe { bpf_probe_read_user(flags as *const u32) };
        if flags.is_ok_and(|flags| flags & SETUP_SQPOLL == 0) {
            return;
        }
        bump(row, Counter::LostPolledRings, 1);
    }
}

/// Adds to a counter whose index is data.
#[inline(always)]
pub(super) fn add(row: &mut Row, index: u32, n: u64) {
    let index = index as usize & (ROW_COUNTERS - 1);
    // SAFETY: masked to the row's length.
    raise(unsafe { &mut *row.values.as_mut_ptr().add(index) }, n);
}

#[inline(always)]
fn argument(registers: *const u8, which: Offset) -> u64 {
    load(registers, which)
}

/// What is known about mappings is stale from here on.
#[inline(always)]
fn new_generation() {
    if let Some(generation) = CONTROL.get_ptr_mut(CONTROL_GENERATION) {
        // SAFETY: a map value; two increments at once may become one, which still is a change.
        unsafe { *generation += 1 }
    }
}
