//! What the kernel programs count: one row of 64-bit counters per cell, role and CPU.
//!
//! Only the programs write the counters. The tracer reads them at the end and adds up the CPUs. Which
//! counters make up a metric, and what it is called on screen, is in the tracer's tables.

use crate::session::{CELLS, ROLES};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One counter; the discriminant is its index in a [`CounterRow`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum Counter { $($(#[$doc])* $name,)* }

        impl Counter {
            /// Every counter, in the order of the discriminants.
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
    /// Completed calls that start writeback or wait for it (events).
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
    /// Bytes copied to user memory from everything else: devices, procfs, eventfd.
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
    /// Bytes copied from user memory to everything else: devices, procfs, eventfd.
    FromUserOther,

    /// Bytes read with O_DIRECT that were transferred without a copy.
    DirectRead,
    /// Bytes written with O_DIRECT that were transferred without a copy.
    DirectWritten,
    /// Bytes moved by sendfile, splice and copy_file_range.
    Transferred,

    /// Completed faults with an exception, where the programs cannot tell its mode (events).
    FaultsTaken,
    /// Completed faults with an exception in user mode (events).
    FaultsUser,
    /// Completed faults with an exception in kernel mode, while it accessed user memory (events).
    FaultsKernel,
    /// Completed faults without an exception: populate, mlock, pinning of user pages (events).
    FaultsPopulate,
    /// Completed faults with an exception whose access was a read or an instruction fetch (events).
    FaultsRead,
    /// Completed faults with an exception whose access was a write (events).
    FaultsWrite,
    /// Completed faults that the kernel accounts as major (events).
    FaultsMajor,
    /// Completed write faults in a private mapping of a file (events).
    FaultsCow,
    /// Completed write faults in a shared mapping of a file (events).
    FaultsMkwrite,
    /// Exceptions that ended in an error (SIGSEGV, SIGBUS, EFAULT) instead of a mapped page (events).
    FaultsFailed,
    /// Completed write faults whose mapping could not be looked up (events).
    FaultsUnclassified,
    /// Returns of the fault handler that asked for a retry, because the fault had to wait (events).
    FaultsWaited,

    /// Pages of anonymous memory that a store copied, because something else used them too.
    CowAnonymousPages,
    /// Pages that a store into a private mapping of a file copied.
    CowFilePages,

    /// Fault-around candidates: pages in the ranges that fault-around examined, an upper bound of the
    /// pages that it mapped.
    PagesMappedAround,
    /// Pages of regular files that entered the page cache.
    CacheAddedPages,

    /// Pages of regular files that became dirty.
    PagesDirtied,
    /// Pages of regular files that a traced task wrote back.
    PagesWrittenProcess,
    /// Pages of regular files that another task wrote back, usually the flusher.
    PagesWrittenFlusher,
    /// Pages written back of an inode that two scenarios had dirtied.
    PagesWrittenShared,
    /// Dirty pages that were discarded before they were written.
    PagesCleanedUnwritten,

    /// Bytes of file data read from the block device.
    BlockRead,
    /// Bytes of file data written to the block device.
    BlockWritten,
    /// Bytes of everything else on the block device: journal, metadata, other programs.
    BlockOther,

    /// Ticks of the CPU clock that found a traced task in user mode (samples).
    SamplesUser,
    /// Ticks that found it in kernel code that copies between user and kernel memory (samples).
    SamplesCopying,
    /// Ticks that found it anywhere else in the kernel (samples).
    SamplesElsewhere,

    /// Calls and requests that copied an unknown number of bytes (events): those that the tracer does not know,
    /// requests of `io_uring` and native AIO whose result it has not seen, and `MSG_ZEROCOPY` where the device
    /// decides.
    LostCalls,
    /// Rings of `io_uring` whose requests no program sees, and that a kernel thread polls, so that requests need
    /// no calls either (events).
    LostPolledRings,
    /// Bytes read from a descriptor that another thread closed or replaced before the call returned, or from
    /// a file system that does not tell where they come from.
    LostPathRead,
    /// Bytes written to such a descriptor or file system.
    LostPathWritten,
    /// Bytes moved with O_DIRECT on a file system that may or may not have copied them.
    LostDirect,
    /// Threads that found no free entry in the task table, so that they and their descendants are not
    /// traced (events).
    LostTasks,
    /// Stores of which it is unknown whether they copied a page (events).
    LostCow,
    /// Inodes that did not fit into the inode table, so that their writeback is not counted (events).
    LostInodes,
    /// Pages that became dirty on a file system whose writeback no program sees.
    LostWriteback,

    /// Cross-check: bytes copied to user memory from the page cache.
    CrossCheckToUserPageCache,
    /// Cross-check: bytes copied to user memory from tmpfs.
    CrossCheckToUserTmpfs,
    /// Cross-check: bytes copied to user memory from pipes.
    CrossCheckToUserPipe,
    /// Cross-check: bytes copied from user memory into the page cache and tmpfs.
    CrossCheckFromUserFile,
    /// Cross-check: bytes copied from user memory into pipes.
    CrossCheckFromUserPipe,
    /// Cross-check: bytes copied from user memory into sockets.
    CrossCheckFromUserSocket,
    /// Cross-check: completed calls of the fault handler (events).
    CrossCheckFaults,
}

/// Length of a row: a power of two, so that a mask bounds an index.
pub const ROW_COUNTERS: usize = 64;

const _: () = assert!(Counter::ALL.len() <= ROW_COUNTERS);

/// The counters of one cell and role on one CPU.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CounterRow {
    /// Indexed by [`Counter`].
    pub values: [u64; ROW_COUNTERS],
}

/// Number of rows in the counter map.
pub const ROWS: usize = CELLS * ROLES;

/// The index of the row for a cell (below [`CELLS`]) and a role (below [`ROLES`]).
#[must_use]
pub const fn row_of(cell: usize, role: usize) -> usize {
    cell * ROLES + role
}
