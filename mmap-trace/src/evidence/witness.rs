//! Independent programs that count the same work by what kernel functions return.
//!
//! They are attached for the calibration only. A signal that is inferred from results of calls
//! becomes witnessed when they agree on every path that they see.
//!
//! Only functions that a step calls are worth one: where the kernel is built with `CONFIG_PREEMPTION` each
//! takes a tenth of a second to detach, because `ftrace_shutdown` waits for all tasks
//! (`synchronize_rcu_tasks`).

use mmap_trace_ebpf::counters::Counter;

#[allow(clippy::wildcard_imports, reason = "the table names most witnesses")]
use crate::attach::programs::*;
use crate::signals::Signal;

/// What one or more witnesses see of a signal.
#[derive(Debug)]
pub struct Witness {
    /// The signal.
    pub signal: Signal,
    /// The parts of it that they see; none: all of it.
    pub parts: &'static [&'static str],
    /// What they count.
    pub counter: Counter,
    /// Who they are.
    pub programs: &'static [&'static Program],
}

macro_rules! witnesses {
    ($($signal:ident [$($part:literal)*] => $counter:ident by [$($program:ident)*];)*) => {
        /// Every witness.
        pub static WITNESSES: &[Witness] = &[$(Witness {
            signal: Signal::$signal,
            parts: &[$($part,)*],
            counter: Counter::$counter,
            programs: &[$(&$program,)*],
        },)*];
    };
}

witnesses! {
    CopiedToUser ["page_cache"] => WitnessToUserPageCache by [WITNESS_FILEMAP_READ];
    CopiedToUser ["tmpfs"] => WitnessToUserTmpfs by [WITNESS_SHMEM_READ];
    CopiedToUser ["pipe"] => WitnessToUserPipe by [WITNESS_PIPE_READ];
    CopiedFromUser ["page_cache" "tmpfs"] => WitnessFromUserFile by [WITNESS_GENERIC_WRITE];
    CopiedFromUser ["pipe"] => WitnessFromUserPipe by [WITNESS_PIPE_WRITE];
    CopiedFromUser ["socket"] => WitnessFromUserSocket by [WITNESS_UNIX_STREAM_SEND
        WITNESS_TCP_SEND WITNESS_UDP_SEND];
    Faults [] => WitnessFaults by [WITNESS_FAULT];
}
