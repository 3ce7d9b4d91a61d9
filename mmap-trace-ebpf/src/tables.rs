//! Maps that only the kernel programs and the tracer see.

/// Entries of the task table, indexed by the low bits of the thread id.
pub const TASKS: usize = 32768;

/// What is known about one traced thread.
///
/// Each exception is counted when it begins. The task's own counters tell at its next event what
/// became of it: `min_flt + maj_flt` is `expected` if it completed, one less if it failed, and more
/// if pages were faulted in without an exception (`mm_account_fault`, mm/memory.c).
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Task {
    /// `task_struct.pid`; 0 for an unused entry.
    pub tid: u32,
    /// Slot of the session page.
    pub slot: u32,
    /// `min_flt + maj_flt` after every fault counted so far.
    pub expected_faults: u64,
    /// `maj_flt` already accounted.
    pub seen_major: u64,
    /// Row that the last exception was counted in.
    pub pending_row: u32,
    /// Bits of the last exception: [`PENDING`], or 0 once it is settled.
    pub pending: u32,
    /// Bytes that `skb_copy_datagram_iovec` announced since the last call that receives.
    pub received_bytes: u64,
    /// 1 once the thread has exited: its entry is free for another one.
    pub exited: u64,
}

/// An exception is counted and not settled yet.
pub const PENDING: u32 = 1;
/// It was taken in kernel mode.
pub const PENDING_KERNEL: u32 = 2;
/// It was a write.
pub const PENDING_WRITE: u32 = 4;
/// It was counted as copy-on-write.
pub const PENDING_COW: u32 = 8;
/// It was counted as a first store into a shared mapping.
pub const PENDING_MKWRITE: u32 = 16;
/// It was counted as unclassified.
pub const PENDING_UNCLASSIFIED: u32 = 32;

/// Entries of the inode table.
pub const INODES: u32 = 16384;

/// Identifies an inode. Numbers are re-used at once, generations are not.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct InodeKey {
    /// `inode.i_ino`.
    pub number: u64,
    /// `inode.i_sb->s_dev`.
    pub device: u32,
    /// `inode.i_generation`.
    pub generation: u32,
}

/// Who dirtied an inode last, and what became of its pages.
///
/// Each field has one writer at a time: dirtying runs under the lock of the page cache's xarray
/// (`folio_account_dirtied`), writing and cleaning of one inode take turns under folio locks.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct InodeOwner {
    /// Pages dirtied by members.
    pub dirtied_pages: u64,
    /// Pages written back.
    pub written_pages: u64,
    /// Dirty pages thrown away.
    pub cleaned_pages: u64,
    /// Row of the scenario that dirtied it last.
    pub row: u32,
    /// 1 if another scenario's pages were outstanding when this one dirtied it.
    pub shared: u32,
}

/// The mapping that the last write fault of a thread hit.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct VmaCache {
    /// First byte.
    pub start: u64,
    /// Byte behind the last one; 0: nothing cached.
    pub end: u64,
    /// Process and generation of its address space for which this is true.
    pub tag: u64,
    /// One of the `PENDING_…` classes, or 0 for anonymous memory.
    pub class: u64,
}

/// A piece of the kernel's code: its first byte and the byte behind its last one.
pub type CodeRange = [u64; 2];
/// Pieces of code that copy between user and kernel memory, at most; unused ones are empty.
pub const COPY_RANGES: usize = 32;

/// Words of the control map.
pub const CONTROL_WORDS: usize = 4;
/// Generation of all traced address spaces: bumped when one of them changes.
pub const CONTROL_GENERATION: u32 = 0;
/// Non-zero: the next `exec` of a member begins scenario 1 (`mmap-trace exec`).
pub const CONTROL_ARMED: u32 = 1;
/// Non-zero: the number that makes the task which passes it to a system call the first member.
pub const CONTROL_ADOPT: u32 = 2;
