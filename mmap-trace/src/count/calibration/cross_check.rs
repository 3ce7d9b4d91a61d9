//! Cross-checks: independent programs that count the same work by the return values of kernel functions.
//!
//! They are attached during the calibration only. A metric that is inferred from the results of system calls
//! becomes cross-checked if they agree on every path that they see.
//!
//! Only functions that a step calls have a cross-check: with `CONFIG_PREEMPTION`, each takes a tenth of a
//! second to detach, because `ftrace_shutdown` waits for all tasks (`synchronize_rcu_tasks`).

use mmap_trace_ebpf::counters::Counter;

#[allow(clippy::wildcard_imports, reason = "the table names most cross-checks")]
use crate::count::attach::programs::*;
use crate::metrics::Metric;

/// One counter that must agree with parts of a metric.
#[derive(Debug)]
pub struct CrossCheck {
    pub metric: Metric,
    /// The parts of the metric that it covers; empty for the whole metric.
    pub parts: &'static [&'static str],
    pub counter: Counter,
    pub programs: &'static [&'static Program],
}

macro_rules! cross_checks {
    ($($metric:ident [$($part:literal)*] => $counter:ident by [$($program:ident)*];)*) => {
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
