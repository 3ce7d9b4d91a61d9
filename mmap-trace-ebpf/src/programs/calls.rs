//! System calls: one program at `sys_exit` counts each call and the payload that it moved.
//!
//! At `sys_exit` the registers still hold the call number and the arguments. So nothing has to be
//! remembered from the entry, and a call that blocks cannot lose its arguments to another task.

use aya_ebpf::{
    helpers::bpf_probe_read_user, macros::btf_tracepoint, programs::BtfTracePointContext,
};
use mmap_trace_ebpf::{
    calls::{Call, Rule},
    counters::Counter,
    offsets::Offset,
    tables::CONTROL_GENERATION,
};

use super::{adoption::adopt, backups::with_backup, copies, faults, processes, receive};
use crate::{
    current_task::CurrentTask,
    fields::{call, load, present},
    kernel_log::explain,
    maps::CONTROL,
    rows::CpuRow,
};

/// `TS_COMPAT` of `thread_info.status`: a 32-bit call on x86 (arch/x86/include/asm/thread_info.h).
const TS_COMPAT: u32 = 2;

with_backup! {
    /// tp_btf `sys_exit(regs, ret)`.
    btf_tracepoint(function = "sys_exit"): sys_exit, sys_exit_backup => returned;
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
    let Some(mut current) = CurrentTask::if_traced() else {
        adopt(registers);
        return;
    };
    faults::settle(&mut current);
    let Some(mut row) = CpuRow::numbered(current.row) else {
        return;
    };
    let number: u64 = load(registers, Offset::RegsCall);
    if is_compat(&current) {
        explain!("32-bit call {}: its bytes are unknown", number);
        row.add(Counter::SyscallsOther, 1);
        row.add(Counter::LostCalls, 1);
        return;
    }
    let call = call(number);
    if call.rule == Rule::Fork as u8 && result == 0 {
        // A new child leaves ret_from_fork through sys_exit without having made a call.
        processes::kill_if_ending();
        return;
    }
    row.add_nth(u32::from(call.class), 1);
    if call.rule != Rule::None as u8 {
        payload(&mut current, &mut row, call, registers, result);
    }
}

#[inline(always)]
fn is_compat(current: &CurrentTask) -> bool {
    present(Offset::TaskStatus) && load::<u32>(current.task, Offset::TaskStatus) & TS_COMPAT != 0
}

#[inline(always)]
fn payload(
    current: &mut CurrentTask,
    row: &mut CpuRow,
    call: Call,
    registers: *const u8,
    result: i64,
) {
    let rule = call.rule;
    if rule == Rule::Remap as u8 {
        start_generation();
        return;
    }
    if rule == Rule::Uncounted as u8 || rule == Rule::Ring as u8 {
        uncounted(row, call, registers, result);
        return;
    }
    if result <= 0 {
        return;
    }
    let bytes = result as u64;
    let argument = |which: Offset| load::<u64>(registers, which);
    let first = argument(Offset::RegsArg1);
    if rule == Rule::Read as u8 {
        copies::read(current, row, first, bytes);
    } else if rule == Rule::Write as u8 {
        copies::write(current, row, first, bytes);
    } else if rule == Rule::SendTo as u8 {
        copies::send(current, row, first, argument(Offset::RegsArg4), bytes);
    } else if rule == Rule::SendMsg as u8 {
        copies::send(current, row, first, argument(Offset::RegsArg3), bytes);
    } else if rule == Rule::SendMmsg as u8 {
        let messages = argument(Offset::RegsArg2);
        let flags = argument(Offset::RegsArg4);
        copies::send_messages(current, row, first, flags, (messages, bytes));
    } else if rule == Rule::ReceiveFrom as u8 {
        let limit = argument(Offset::RegsArg3);
        let flags = argument(Offset::RegsArg4);
        receive::from(current, row, first, flags, limit, bytes);
    } else if rule == Rule::ReceiveMsg as u8 {
        let message = argument(Offset::RegsArg2);
        let flags = argument(Offset::RegsArg3);
        receive::message(current, row, first, flags, message, bytes);
    } else if rule == Rule::ReceiveMmsg as u8 {
        let messages = argument(Offset::RegsArg2);
        let flags = argument(Offset::RegsArg4);
        receive::messages(current, row, messages, flags, bytes);
    } else if rule == Rule::ProcessRead as u8 {
        row.add(Counter::ToUserProcess, bytes);
    } else if rule == Rule::ProcessWrite as u8 {
        row.add(Counter::FromUserProcess, bytes);
    } else if rule == Rule::Vmsplice as u8 {
        copies::vmsplice(current, row, first, bytes);
    } else if rule == Rule::Transfer as u8 {
        row.add(Counter::Transferred, bytes);
    }
}

/// `IORING_SETUP_SQPOLL`, and the offset of `flags` in `struct io_uring_params`
/// (include/uapi/linux/io_uring.h).
const SETUP_SQPOLL: u32 = 2;
const PARAMS_FLAGS: u64 = 8;

#[inline(always)]
fn uncounted(row: &mut CpuRow, call: Call, registers: *const u8, result: i64) {
    if result < 0 {
        return;
    }
    let number: u64 = load(registers, Offset::RegsCall);
    explain!(
        "call {}: its result does not tell which bytes it copied",
        number
    );
    row.add(Counter::LostCalls, 1);
    if call.rule == Rule::Ring as u8 {
        let flags = load::<u64>(registers, Offset::RegsArg2) + PARAMS_FLAGS;
        // SAFETY: the helper checks the address.
        let flags = unsafe { bpf_probe_read_user(flags as *const u32) };
        if flags.is_ok_and(|flags| flags & SETUP_SQPOLL == 0) {
            return;
        }
        explain!("a kernel thread polls the io_uring: its requests make no calls");
        row.add(Counter::LostPolledRings, 1);
    }
}

/// Invalidates what is known about the mappings of all traced processes.
#[inline(always)]
fn start_generation() {
    if let Some(generation) = CONTROL.get_ptr_mut(CONTROL_GENERATION) {
        // SAFETY: a map value. Two increments at once may become one, which is still a change.
        unsafe { *generation += 1 }
    }
}
