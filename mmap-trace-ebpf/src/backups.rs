//! Backup programs: how events are counted although the kernel skips programs.
//!
//! The kernel does not run a program on a CPU on which the same program is already active
//! (`bpf_prog_get_recursion_context`, include/linux/bpf.h). Where programs run with preemption
//! disabled, that means recursion only. But some kernels let programs at tracepoints be preempted;
//! then a task can be switched out in the middle of a program, and every other task that reaches the
//! same hook on that CPU meanwhile has its event skipped.
//!
//! So there are two programs at each such hook, with one handler. The kernel runs the primary program
//! first. It handles the event and notes, in an entry of its thread, that it has ([`LastEvent`]). The
//! backup program runs next, on the same event. If it finds the note, it does nothing; if not, the
//! kernel skipped the primary program, and the backup handles the event and counts that it did.
//!
//! Both recognize the event by the address of the program's arguments. They lie on the kernel stack of
//! the task, which no other task uses, and both programs get the same address.
//!
//! The kernel counts how often it skipped each program (`recursion_misses` in the program's fdinfo).
//! At the end, the tracer compares: every skip of the primary must be matched by a run of the backup.
//! An event that both programs missed shows up as a difference, and the affected counts are marked as
//! unreliable.
//!
//! A program `x` has the backup `x_backup`. The macro `with_backup!` declares both, and the tracer
//! attaches both; each side derives the rest from the name.

/// Entries of the map `BACKUP_RUNS`, which counts how often each backup program handled an event. The
/// tracer adds an entry for each backup before it attaches programs.
pub const MAX_BACKUPS: u32 = 64;

/// The last event that a primary program saw in a thread.
///
/// There is one entry for each thread. The primary program writes it, and the backup program reads it
/// right after.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LastEvent {
    /// Address of the event's arguments; 0 once the backup program has seen the event, too.
    pub arguments: u64,
    /// Address of the arguments that the backup program was called with. The verifier does not let a
    /// program compare a pointer with a number; stored here and read again, it is a number.
    pub backup_arguments: u64,
    /// The [`key_of`] the primary program.
    pub program: u64,
    /// 1 if a test made the primary program skip the event, so that the backup must handle it.
    pub skipped: u64,
}

/// The number that stands for a primary program in the maps: the FNV-1a hash of its name.
#[must_use]
pub const fn key_of(primary: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut rest = primary.as_bytes();
    while let [byte, tail @ ..] = rest {
        hash = (hash ^ *byte as u64).wrapping_mul(0x0100_0000_01b3);
        rest = tail;
    }
    hash
}
