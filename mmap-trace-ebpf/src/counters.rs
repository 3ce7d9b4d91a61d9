//! What the kernel programs count: one row of 64-bit counters per (cell, role) and CPU.
//!
//! The order is the layout of a row; names and meanings for people stand in the tracer's signal table.

use crate::session::{CELLS, ROLES};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One counter of a row; the discriminant is its place in [`Row`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// Every counter, in the order of the row.
            pub const ALL: &'static [Counter] = &[$(Counter::$name,)*];
        }
    };
}

counters! {
    /// Completed calls of the read family (events).
    SyscallsRead,
    /// Completed calls of the write family (events).
    SyscallsWrite,
    /// Completed calls that move bytes between descriptors or processes (events).
    SyscallsTransfer,
    /// Completed calls that change or advise an address space (events).
    SyscallsMap,
    /// Completed calls that wait for or start writing back (events).
    SyscallsSync,
    /// Every other completed call (events).
    SyscallsOther,

    /// Bytes copied to user memory from the page cache.
    ToUserPageCache,
    /// Bytes copied to user memory from tmpfs and memfd files.
    ToUserTmpfs,
    /// Bytes copied to user memory from pipes and FIFOs.
    ToUserPipe,
    /// Bytes copied to user memory from socket buffers.
    ToUserSocket,
    /// Bytes copied to user memory from another process.
    ToUserProcess,
    /// Bytes copied to user memory from devices, procfs, eventfd and the like.
    ToUserOther,

    /// Bytes copied from user memory into the page cache.
    FromUserPageCache,
    /// Bytes copied from user memory into tmpfs and memfd files.
    FromUserTmpfs,
    /// Bytes copied from user memory into pipes and FIFOs.
    FromUserPipe,
    /// Bytes copied from user memory into socket buffers.
    FromUserSocket,
    /// Bytes copied from user memory into another process.
    FromUserProcess,
    /// Bytes copied from user memory to devices, procfs, eventfd and the like.
    FromUserOther,

    /// Bytes read with O_DIRECT on a file system that then copies nothing.
    DirectRead,
    /// Bytes written with O_DIRECT on a file system that then copies nothing.
    DirectWritten,
    /// Bytes moved by sendfile, splice and copy_file_range.
    Transferred,

    /// Completed faults with an exception, where the way does not tell in which mode it was taken.
    FaultsTaken,
    /// Completed faults taken in user mode.
    FaultsUser,
    /// Completed faults taken in kernel mode on behalf of the task (uaccess).
    FaultsKernel,
    /// Completed faults without an exception: populate, mlock, pinning of user pages.
    FaultsPopulate,
    /// Faults with an exception whose access was a read or an instruction fetch.
    FaultsRead,
    /// Faults with an exception whose access was a write.
    FaultsWrite,
    /// Completed faults that the kernel accounts as major.
    FaultsMajor,
    /// Write faults in a private mapping of a file.
    FaultsCow,
    /// Write faults in a shared mapping of a file.
    FaultsMkwrite,
    /// Exceptions that ended in an error (SIGSEGV, SIGBUS, EFAULT) instead of a mapped page.
    FaultsFailed,
    /// Write faults whose mapping could not be looked up.
    FaultsUnclassified,
    /// Faults that had to wait: returns of the handler that asked for a retry.
    FaultsWaited,

    /// Pages that fault-around considered; an upper bound of the pages it mapped.
    PagesMappedAround,
    /// Pages of regular files that entered the page cache.
    CacheAddedPages,

    /// Pages of regular files that became dirty.
    PagesDirtied,
    /// Pages written back in the context of the traced program.
    PagesWrittenProcess,
    /// Pages written back by another task, as a rule the flusher.
    PagesWrittenFlusher,
    /// Pages written back of an inode that more than one scenario had dirtied.
    PagesWrittenShared,
    /// Dirty pages that were thrown away before they were written.
    PagesCleanedUnwritten,

    /// Bytes of file data read from the block device.
    BlockRead,
    /// Bytes of file data written to the block device.
    BlockWritten,
    /// Bytes of anything else on the block device: journal, metadata, other programs.
    BlockOther,

    /// Ticks of the CPU clock that found a member in user mode (samples).
    SamplesUser,
    /// Ticks that found it in kernel code that copies from or to user memory (samples).
    SamplesCopying,
    /// Ticks that found it anywhere else in the kernel (samples).
    SamplesElsewhere,

    /// Calls whose bytes no way can tell: `io_uring`, native AIO, 32-bit calls, `MSG_ZEROCOPY` of which the
    /// device decides.
    LostCalls,
    /// Rings of `io_uring` that a kernel thread polls: their requests are no calls.
    LostPolledRings,
    /// Bytes read whose descriptor was closed before the call returned.
    LostPathRead,
    /// Bytes written whose descriptor was closed before the call returned.
    LostPathWritten,
    /// Bytes moved with O_DIRECT on a file system of which we do not know whether it copied.
    LostDirect,
    /// Task entries that two live tasks shared.
    LostTasks,
    /// Inodes whose owner could not be stored.
    LostInodes,

    /// fexit witness: bytes copied to user memory from the page cache.
    CrossCheckToUserPageCache,
    /// fexit witness: bytes copied to user memory from tmpfs.
    CrossCheckToUserTmpfs,
    /// fexit witness: bytes copied to user memory from pipes.
    CrossCheckToUserPipe,
    /// fexit witness: bytes copied from user memory into the page cache and tmpfs.
    CrossCheckFromUserFile,
    /// fexit witness: bytes copied from user memory into pipes.
    CrossCheckFromUserPipe,
    /// fexit witness: bytes copied from user memory into sockets.
    CrossCheckFromUserSocket,
    /// fexit witness: completed calls of the fault handler.
    CrossCheckFaults,
}

/// Counters of one row. A power of two, so that an index is bounded by a mask.
pub const ROW_COUNTERS: usize = 64;

const _: () = assert!(Counter::ALL.len() <= ROW_COUNTERS);

/// The counters of one (cell, role) on one CPU.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Row {
    /// Indexed by [`Counter`].
    pub values: [u64; ROW_COUNTERS],
}

/// Rows of the counter map.
pub const ROWS: usize = CELLS * ROLES;

/// The row of a (cell, role); both must be within their bounds.
#[must_use]
pub const fn row_of(cell: usize, role: usize) -> usize {
    cell * ROLES + role
}
