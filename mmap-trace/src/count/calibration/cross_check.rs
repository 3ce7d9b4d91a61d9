//! Independent programs that count the same work by what kernel functions return.
//!
//! They are attached for the calibration only. A metric that is inferred from results of calls
//! becomes cross-checked when they agree on every path that they see.
//!
//! Only functions that a step calls are worth one: where the kernel is built with `CONFIG_PREEMPTION` each
//! takes a tenth of a second to detach, because `ftrace_shutdown` waits for all tasks
//! (`synchronize_rcu_tasks`).

use mmap_trace_ebpf::counters::Counter;

#[allow(clippy::wildcard_imports, reason = "the table names most cross_checks")]
use crate::count::attach::programs::*;
use crate::metrics::Metric;

/// What one or more cross-checks see of a metric.
#[derive(Debug)]
pub struct CrossCheck {
    /// The metric.
    pub metric: Metric,
    /// The parts of it that they see; none: all of it.
    pub parts: &'static [&'static str],
    /// What they count.
    pub counter: Counter,
    /// Who they are.
    pub programs: &'static [&'static Program],
}

macro_rules! cross_checks {
    ($($metric:ident [$($part:literal)*] => $counter:ident by [$($program:ident)*];)*) => {
        /// Every cross-check.
        pub static CROSS_CHECKS: &[CrossCheck] = &[$(CrossCheck {
            metric: Metric::$metric,
            parts: &[$($part,)*],
            counter: Counter::$counter,
            programs: &[$(&$program,)*],
        },)*];
    };
}

cross_checks! {
    CopiedToUser ["page_cache"] => CrossCheckToUserPageCache by [CROSS_CHECK_FILEMAP_READ];
    CopiedToUser ["tmpfs"] => CrossCheckToUserTmpfs by [CROSS_CHECK_SHMEM_READ];
    CopiedToUser ["pipe"] => CrossCheckToUserPipe by [CROSS_CHECK_PIPE_READ];
    CopiedFromUser ["page_cache" "tmpfs"] => CrossCheckFromUserFile by [CROSS_CHECK_GENERIC_WRITE];
    CopiedFromUser ["pipe"] => CrossCheckFromUserPipe by [CROSS_CHECK_PIPE_WRITE];
    CopiedFromUser ["socket"] => CrossCheckFromUserSocket by [CROSS_CHECK_UNIX_STREAM_SEND
        CROSS_CHECK_TCP_SEND CROSS_CHECK_UDP_SEND];
    Faults [] => CrossCheckFaults by [CROSS_CHECK_FAULT];
}
