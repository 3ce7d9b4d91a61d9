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
    tables::{CONTROL_GENERATION, CONTROL_RINGS, CallState, TaskEntry},
};

use super::{
    adoption::adopt,
    aio,
    backups::with_backup,
    copies, copy_on_write,
    faults::{self, classify_store},
    options, processes, receive,
    user_messages::Layout,
};
use crate::{
    current_task::CurrentTask,
    descriptor_changes::{self, EVERY},
    fields::{call, listed_of_32_bits, load, present},
    kernel_log::explain,
    maps::CONTROL,
    rows::{CpuRow, add_nth},
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
    let number: u64 = load(registers, Offset::RegsCall);
    let is_compat = is_compat(&current);
    let mut returned = Returned {
        number: if is_compat {
            number & 0xffff_ffff
        } else {
            number
        },
        result,
        rule: 0,
        is_compat: u64::from(is_compat),
        arguments: [0; 5],
    };
    let call = if is_compat {
        call_of_32_bits(&mut returned, registers)
    } else {
        call(number)
    };
    returned.rule = u64::from(call.rule);
    if call.rule == Rule::Fork as u8 && result == 0 {
        // A new child leaves ret_from_fork through sys_exit without having made a call.
        processes::kill_if_ending();
    } else {
        add_nth(current.row, u32::from(call.class), 1);
    }
    if call.rule != Rule::None as u8 || current.entry.call.populated != 0 {
        if !is_compat {
            for (argument, register) in returned.arguments.iter_mut().zip(ARGUMENTS) {
                *argument = load(registers, register);
            }
        }
        count_payload(current.entry, current.row, &raw const returned);
        by_requests(&returned);
    }
    end(&mut current, call);
}

/// Handles a call of native AIO. It is no part of [`count_payload`] because the stacks of nested functions may
/// have 512 bytes together (`check_max_stack_depth`, kernel/bpf/verifier.c).
#[inline(always)]
fn by_requests(returned: &Returned) {
    if returned.result <= 0 {
        return;
    }
    let count = returned.result as u64;
    if returned.is(Rule::AioSubmit) {
        aio::submitted(returned.layout(), returned.arguments[2], count);
    } else if returned.is(Rule::AioEvents) {
        aio::aio_returned(returned.arguments[3], count);
    }
}

/// A call that has returned.
#[repr(C)]
struct Returned {
    number: u64,
    result: i64,
    /// A [`Rule`].
    rule: u64,
    /// 1 for a 32-bit call.
    is_compat: u64,
    /// Not set for a call without a rule that populated no pages.
    arguments: [u64; 5],
}

impl Returned {
    #[inline(always)]
    fn is(&self, rule: Rule) -> bool {
        self.rule == rule as u64
    }

    /// That of the structures its arguments point to.
    #[inline(always)]
    fn layout(&self) -> Layout {
        if self.is_compat == 0 {
            Layout::NATIVE
        } else {
            Layout::OF_32_BITS
        }
    }
}

/// Counts what a call copied.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn count_payload(entry: *mut TaskEntry, row: u32, returned: *const Returned) -> u32 {
    let (Some(mut current), false) = (CurrentTask::again(entry, row), returned.is_null()) else {
        return 0;
    };
    // SAFETY: it lies on the stack of `completed`.
    let returned = unsafe { &*returned };
    if let Some(mut row) = CpuRow::numbered(row) {
        count(&mut current, &mut row, returned);
    }
    if current.entry.call.populated != 0 {
        populated(&current, returned);
    }
    0
}

#[inline(always)]
fn is_compat(current: &CurrentTask) -> bool {
    present(Offset::TaskStatus) && load::<u32>(current.task, Offset::TaskStatus) & TS_COMPAT != 0
}

/// Nothing that was kept for this call may reach the next one.
#[inline(always)]
fn end(current: &mut CurrentTask, call: Call) {
    current.entry.call = CallState::NEW;
    // Only a thread that makes another one begins to share its descriptors.
    if current.entry.descriptor_time != 0 || call.rule == Rule::Fork as u8 {
        descriptor_changes::end_call(current);
    }
}

const ARGUMENTS: [Offset; 5] = [
    Offset::RegsArg1,
    Offset::RegsArg2,
    Offset::RegsArg3,
    Offset::RegsArg4,
    Offset::RegsArg5,
];
/// The same registers in the order of 32-bit calls (`SC_IA32_REGS_TO_ARGS`,
/// arch/x86/include/asm/syscall_wrapper.h).
const ARGUMENTS_OF_32_BITS: [Offset; 5] = [
    Offset::RegsCompatArg1,
    Offset::RegsCompatArg2,
    Offset::RegsArg3,
    Offset::RegsArg2,
    Offset::RegsArg1,
];

/// Reads the arguments of a 32-bit call; the two calls that stand for many become the one that they select.
#[inline(always)]
fn call_of_32_bits(returned: &mut Returned, registers: *const u8) -> Call {
    let call = listed_of_32_bits(returned.number);
    let arguments = &mut returned.arguments;
    for (argument, register) in arguments.iter_mut().zip(ARGUMENTS_OF_32_BITS) {
        // The upper halves belong to nobody.
        *argument = load::<u64>(registers, register) & 0xffff_ffff;
    }
    let rule = if call.rule == Rule::SocketCall as u8 {
        let selected = arguments[0];
        // SAFETY: the helper checks the address.
        let found = unsafe { bpf_probe_read_user(arguments[1] as *const [u32; 5]) };
        *arguments = found.unwrap_or([0; 5]).map(u64::from);
        by_socket_call(selected)
    } else if call.rule == Rule::InterProcessCall as u8 {
        by_inter_process_call(arguments[0] & 0xffff)
    } else {
        return call;
    };
    Call::new(Counter::SyscallsOther, rule)
}

/// The calls that `socketcall` selects (include/uapi/linux/net.h).
#[inline(always)]
fn by_socket_call(selected: u64) -> Rule {
    match selected {
        9 | 11 => Rule::SendTo,
        10 | 12 => Rule::ReceiveFrom,
        15 => Rule::SocketOption,
        16 => Rule::SendMsg,
        17 => Rule::ReceiveMsg,
        19 => Rule::ReceiveMmsg,
        20 => Rule::SendMmsg,
        _ => Rule::None,
    }
}

/// The calls that `ipc` selects (include/uapi/linux/ipc.h): `msgsnd`, `msgrcv`, `shmat` and `shmdt`. The
/// length of a message is its third argument, as it is that of `msgsnd`.
#[inline(always)]
fn by_inter_process_call(selected: u64) -> Rule {
    match selected {
        11 => Rule::QueueSend,
        12 => Rule::QueueReceive,
        21 | 22 => Rule::Remap,
        _ => Rule::None,
    }
}

/// Counts the payload of a call.
#[inline(always)]
fn count(current: &mut CurrentTask, row: &mut CpuRow, returned: &Returned) {
    if returned.result <= 0 || !by_result(current, row, returned, returned.result as u64) {
        by_arguments(current, row, returned);
    }
}

/// Counts pages that a call copied because it stored into memory without an exception.
#[inline(always)]
fn populated(current: &CurrentTask, returned: &Returned) {
    const FIRST_ADDRESS: i64 = 4096;
    let is_remap = returned.is(Rule::Remap);
    let is_new = is_remap && returned.result >= FIRST_ADDRESS;
    let class = if is_new {
        classify_store(returned.result as u64)
    } else if is_remap {
        classify_store(returned.arguments[0])
    } else if returned.is(Rule::Read) {
        classify_store(returned.arguments[1])
    } else {
        0
    };
    copy_on_write::populated(current, class, is_new);
}

/// Counts the payload of a call whose result tells it; `false` if it is not such a call.
#[inline(always)]
fn by_result(current: &mut CurrentTask, row: &mut CpuRow, returned: &Returned, bytes: u64) -> bool {
    let layout = returned.layout();
    let argument = |n: usize| returned.arguments[n];
    if returned.is(Rule::Read) {
        copies::read(current, row, argument(0), bytes);
    } else if returned.is(Rule::Write) {
        copies::write(current, row, argument(0), bytes);
    } else if returned.is(Rule::SendTo) {
        copies::send(current, row, argument(0), argument(3), bytes);
    } else if returned.is(Rule::SendMsg) {
        copies::send(current, row, argument(0), argument(2), bytes);
    } else if returned.is(Rule::SendMmsg) {
        let call = (argument(0), argument(1), argument(3));
        copies::send_messages(current, row, layout, call, bytes);
    } else if returned.is(Rule::ReceiveFrom) {
        receive::from(current, row, argument(0), argument(3), argument(2), bytes);
    } else if returned.is(Rule::ReceiveMsg) {
        let call = (argument(0), argument(1), argument(2));
        receive::message(current, row, layout, call, bytes);
    } else if returned.is(Rule::ReceiveMmsg) {
        receive::messages(row, layout, argument(1), argument(3), bytes);
    } else if returned.is(Rule::ProcessRead) {
        row.add(Counter::ToUserProcess, bytes);
    } else if returned.is(Rule::ProcessWrite) {
        row.add(Counter::FromUserProcess, bytes);
    } else if returned.is(Rule::Vmsplice) {
        copies::vmsplice(current, row, argument(0), bytes);
    } else if returned.is(Rule::Transfer) {
        row.add(Counter::Transferred, bytes);
    } else if returned.is(Rule::Open) {
        descriptor_changes::remember_opened(current, bytes as u32);
    } else if returned.is(Rule::QueueReceive) {
        row.add(Counter::ToUserOther, bytes);
    } else {
        return false;
    }
    true
}

/// Handles a call whose result is no number of bytes.
#[inline(always)]
fn by_arguments(current: &CurrentTask, row: &mut CpuRow, returned: &Returned) {
    let argument = |n: usize| returned.arguments[n];
    if returned.is(Rule::Remap) {
        start_generation();
    } else if returned.is(Rule::Close) {
        descriptor_changes::note(current, argument(0) as u32);
    } else if returned.is(Rule::Duplicate) {
        descriptor_changes::note(current, argument(1) as u32);
    } else if returned.is(Rule::CloseRange) {
        descriptor_changes::note(current, EVERY);
    } else if returned.is(Rule::Unknown) {
        unknown(row, returned.number, returned.result);
    } else if returned.result < 0 {
    } else if returned.is(Rule::QueueSend) {
        row.add(Counter::FromUserOther, argument(2));
    } else if returned.is(Rule::SocketOption) {
        options::socket_option(row, &returned.arguments);
    } else if returned.is(Rule::Control) {
        options::control(row, argument(1));
    } else if (returned.is(Rule::Ring) || returned.is(Rule::Enter)) && !rings_are_followed() {
        uncounted(row, returned);
    }
}

/// A call without a class. The kernel may not know it either (`ENOSYS`), and after a signal handler there is
/// no call at all: `rt_sigreturn` sets the number to -1 (`restore_sigcontext`, arch/x86/kernel/signal_64.c).
#[inline(always)]
fn unknown(row: &mut CpuRow, number: u64, result: i64) {
    const ENOSYS: i64 = 38;
    if number as u32 != u32::MAX && result != -ENOSYS {
        explain!(
            "call {}: the tracer does not know it, so its bytes are unknown",
            number
        );
        row.add(Counter::LostCalls, 1);
    }
}

/// `IORING_SETUP_SQPOLL`, and the offset of `flags` in `struct io_uring_params`
/// (include/uapi/linux/io_uring.h).
const SETUP_SQPOLL: u32 = 2;
const PARAMS_FLAGS: u64 = 8;

#[inline(always)]
fn uncounted(row: &mut CpuRow, returned: &Returned) {
    explain!(
        "call {}: its result does not tell which bytes it copied",
        returned.number
    );
    row.add(Counter::LostCalls, 1);
    if returned.is(Rule::Ring) {
        let parameters = returned.arguments[1];
        // SAFETY: the helper checks the address.
        let flags = unsafe { bpf_probe_read_user((parameters + PARAMS_FLAGS) as *const u32) };
        if flags.is_ok_and(|flags| flags & SETUP_SQPOLL == 0) {
            return;
        }
        explain!("a kernel thread polls the io_uring: its requests make no calls");
        row.add(Counter::LostPolledRings, 1);
    }
}

/// Whether the programs see each request.
#[inline(always)]
fn rings_are_followed() -> bool {
    // SAFETY: a map value.
    CONTROL
        .get_ptr(CONTROL_RINGS)
        .is_some_and(|word| unsafe { *word } != 0)
}

/// Invalidates what is known about the mappings of all traced processes.
#[inline(always)]
fn start_generation() {
    if let Some(generation) = CONTROL.get_ptr_mut(CONTROL_GENERATION) {
        // SAFETY: a map value. Two increments at once may become one, which is still a change.
        unsafe { *generation += 1 }
    }
}
