//! Backup programs: how events are counted although the kernel skips programs.
//!
//! The kernel does not run a program on a CPU on which the same program is already active
//! (`bpf_prog_get_recursion_context`, include/linux/bpf.h). Where programs run with preemption
//! disabled, that means recursion only. But some kernels let programs at tracepoints be preempted;
//! then a task can be switched out in the middle of a program, and every other task that reaches the
//! same hook on that CPU meanwhile has its event skipped.
//!
//! So there are two programs at each such hook, with one handler. The kernel runs the primary program
//! first. It handles the event and notes, in an entry of its thread, that it has ([`Turn`]). The
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

macro_rules! places {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A hook with two programs; the discriminant is its index in the map `SECOND_TURNS`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Place { $($(#[$doc])* $name,)* }

        impl Place {
            /// Every hook, in the order of the discriminants.
            pub const ALL: &'static [Place] = &[$(Place::$name,)*];
        }
    };
}

places! {
    /// Tracepoint `sched_process_fork`.
    Fork,
    /// Tracepoint `sched_process_exec`.
    Exec,
    /// Tracepoint `sched_process_exit`.
    Exit,
    /// Tracepoint `sys_exit`.
    SysExit,
    /// Tracepoint `skb_copy_datagram_iovec`.
    SocketReceive,
    /// Tracepoint `page_fault_user`.
    FaultUser,
    /// Tracepoint `page_fault_kernel`.
    FaultKernel,
    /// Tracepoint `writeback_dirty_folio`.
    DirtyFolio,
    /// Tracepoint `ext4_writepages_result`, of the kernel image or of a module.
    Ext4Written,
    /// Tracepoint `ext4_invalidate_folio`, of the kernel image or of a module.
    Ext4Invalidated,
    /// Tracepoint `ext4_free_inode`, of the kernel image or of a module.
    Ext4Freed,
    /// Tracepoint `mm_filemap_add_to_page_cache`.
    CacheAdded,
    /// Tracepoint `mm_filemap_map_pages`.
    MappedAround,
    /// Tracepoint `block_bio_queue`.
    BioQueue,
    /// Return of `handle_mm_fault`, for the programs that count faults.
    FaultReturned,
    /// Return of `handle_mm_fault`, for the programs that cross-check them.
    CrossCheckFault,
}

/// The last event that the primary program of a hook saw in a thread.
///
/// One entry per thread: the primary program writes it, the backup program reads it right after.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Turn {
    /// Address of the event's arguments; 0 once the backup program has seen the event, too.
    pub seen: u64,
    /// Address of the arguments that the backup program was called with. The verifier does not let a
    /// program compare a pointer with a number; stored here and read again, it is a number.
    pub asked: u64,
    /// The [`Place`].
    pub place: u32,
    /// 1 if a test made the primary program skip the event, so that the backup must handle it.
    pub left: u32,
}
