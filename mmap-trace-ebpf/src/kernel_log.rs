//! Why was this not counted? `--kernel-log` prints the answer for each event.
//!
//! A program explains an event that it does not count, counts as a loss, or takes back. The tracer
//! prints the messages as they arrive, on standard error.

/// Sends one message to the log ring, with the values that the decision rests on.
///
/// It costs nothing without `--kernel-log`: the level is then frozen read-only data, so that the
/// verifier removes the branch (`opt_remove_dead_code`, kernel/bpf/verifier.c).
macro_rules! explain {
    ($($message:tt)*) => { ::aya_log_ebpf::debug!((), $($message)*) };
}
pub(crate) use explain;
