//! Layouts of the maps that only the kernel programs and the tracer see; no lesson can read them.

/// Entries of the task table that the low bits of the thread id select.
pub const TASKS: usize = 32768;
/// Further entries, for threads whose first place another living thread uses.
pub const DISPLACED: usize = 8192;

/// What is known about one traced thread. The kernel programs write and read it, each entry only in
/// the context of its own thread (or of the parent, before the thread's first instruction).
///
/// # How faults are settled
///
/// A page fault exception is counted when it begins, at the tracepoints `page_fault_user` and
/// `page_fault_kernel`. At that moment nobody knows whether it will map a page or end in a signal. The
/// kernel's own account of the thread tells, at the thread's next event: `mm_account_fault`
/// (mm/memory.c) adds 1 to `min_flt` or `maj_flt` for each fault that completed. Their sum is then
///
/// - equal to `expected_faults` if the exception completed;
/// - one less if it failed (SIGSEGV, SIGBUS, EFAULT): it is taken back from its row, and counted as
///   failed;
/// - larger if the kernel faulted pages in without an exception (populate, mlock, pinning of user
///   pages): the surplus is counted as populated.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct TaskEntry {
    /// `task_struct.pid`; 0 for an unused entry.
    pub tid: u32,
    /// The thread's slot in the session page.
    pub slot: u32,
    /// `task_struct.start_boottime`: another thread that gets the same id later starts later.
    pub start_ns: u64,
    /// The value of `min_flt + maj_flt` once every fault counted so far has completed.
    pub expected_faults: u64,
    /// The part of `maj_flt` that has been counted.
    pub seen_major: u64,
    /// The row that the last exception was counted in.
    pub pending_row: u32,
    /// What the last exception was, as `PENDING…` bits; 0 once it is settled.
    pub pending: u32,
    /// If the thread shared its descriptor table when its last call ended: the time of
    /// [`CONTROL_DESCRIPTORS`] then, plus 1; else 0.
    pub descriptor_time: u64,
    /// The address of the pending fault, if [`PENDING_WATCHED`].
    pub watched_address: u64,
    /// What mapped that address when the fault began ([`page_tables::Entry`](crate::page_tables::Entry)).
    pub watched_entry: u64,
    /// The page table of that address space.
    pub watched_table: u64,
    /// 1 once the thread has exited, so that another thread may take the entry. What the thread does
    /// until it is gone still counts: its last closes run as task work (`exit_task_work`).
    pub exited: u32,
    /// 1 if a thread that belongs here may have its entry among the [`DISPLACED`] ones.
    pub displaced: u32,
    /// What the thread's current call has done so far.
    pub call: CallState,
    /// The file that the thread opened last in a shared table.
    pub opened: OpenedFile,
    /// `min_flt + maj_flt` when the entry was opened.
    pub first_faults: u64,
    /// `maj_flt` when the entry was opened.
    pub first_major: u64,
}

impl TaskEntry {
    /// The entry of a thread that has had no fault.
    #[must_use]
    pub const fn new(tid: u32, start_ns: u64, slot: u32) -> Self {
        TaskEntry {
            tid,
            slot,
            start_ns,
            expected_faults: 0,
            seen_major: 0,
            pending_row: 0,
            pending: 0,
            call: CallState::NEW,
            descriptor_time: 0,
            watched_address: 0,
            watched_entry: 0,
            watched_table: 0,
            opened: OpenedFile {
                file: 0,
                changes: 0,
                descriptor: 0,
            },
            exited: 0,
            displaced: 0,
            first_faults: 0,
            first_major: 0,
        }
    }
}

/// A descriptor in a shared table as its thread got it.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct OpenedFile {
    /// Address of the `struct file`; 0 for none.
    pub file: u64,
    /// [`DescriptorChanges::count`] at the end of the call.
    pub changes: u64,
    /// The descriptor.
    pub descriptor: u64,
}

/// What hooks inside a system call saw of it. The end of the call resets it, whatever its result.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct CallState {
    /// Bytes that the tracepoint `skb_copy_datagram_iovec` announced.
    pub received_bytes: u64,
    /// The position in the file at which O_DIRECT began.
    pub direct_begin: u64,
    /// The position that it reached, plus 1; 0 if no byte was transferred directly.
    pub direct_end: u64,
    /// How often the TLB was flushed on its behalf, apart from exceptions.
    pub flushes: u64,
    /// Faults that completed without an exception.
    pub populated: u64,
}

impl CallState {
    /// The state of a call that has not done anything yet.
    pub const NEW: CallState = CallState {
        received_bytes: 0,
        direct_begin: 0,
        direct_end: 0,
        flushes: 0,
        populated: 0,
    };

    /// Bytes that O_DIRECT transferred without a copy.
    #[must_use]
    #[inline]
    pub const fn direct_bytes(&self) -> u64 {
        if self.direct_end == 0 {
            0
        } else {
            (self.direct_end - 1).wrapping_sub(self.direct_begin)
        }
    }
}

/// Bit of [`TaskEntry::pending`]: an exception has been counted and not been settled yet.
pub const PENDING: u32 = 1;
/// Bit of [`TaskEntry::pending`]: it was taken in kernel mode.
pub const PENDING_KERNEL: u32 = 2;
/// Bit of [`TaskEntry::pending`]: the access was a write.
pub const PENDING_WRITE: u32 = 4;
/// Bit of [`TaskEntry::pending`]: a write to a private mapping of a file, which copies the page.
pub const PENDING_COW: u32 = 8;
/// Bit of [`TaskEntry::pending`]: a write to a shared mapping of a file (`page_mkwrite`).
pub const PENDING_MKWRITE: u32 = 16;
/// Bit of [`TaskEntry::pending`]: a write whose mapping could not be looked up.
pub const PENDING_UNCLASSIFIED: u32 = 32;
/// Bit of [`TaskEntry::pending`]: a write to a mapping of huge pages of hugetlbfs.
pub const PENDING_HUGETLB: u32 = 64;
/// Bit of [`TaskEntry::pending`]: the same, and its file has no pages, so that new pages are zeroed.
pub const PENDING_HUGETLB_EMPTY: u32 = 128;
/// Bit of [`TaskEntry::pending`]: a write that may copy a page, so the page tables are watched.
pub const PENDING_WATCHED: u32 = 256;
/// Bit of [`TaskEntry::pending`]: the fault took away what mapped the address.
pub const PENDING_REPLACED: u32 = 512;
/// Bit of [`TaskEntry::pending`]: what it took away was the huge zero page.
pub const PENDING_HUGE_ZERO: u32 = 1024;
/// Bit of [`TaskEntry::pending`]: a write that may copy a page, and the page tables could not be read.
pub const PENDING_UNREAD: u32 = 2048;

/// Entries of the inode table.
pub const INODES: u32 = 16384;

/// Identifies an inode. A file system gives a freed number to the next file at once, but with another
/// generation.
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

/// Who dirtied an inode last, and what happened to its pages since. The kernel programs write it; the
/// tracer reads it to see how many pages have not been written back yet.
///
/// Each field has one writer at a time: pages become dirty under the lock of the page cache's xarray
/// (`folio_account_dirtied`, mm/page-writeback.c), and the folio lock serializes writing back and
/// discarding.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct InodeOwner {
    /// Pages that traced tasks dirtied.
    pub dirtied_pages: u64,
    /// Pages that were written back, by any task.
    pub written_pages: u64,
    /// Dirty pages that were discarded before they were written.
    pub cleaned_pages: u64,
    /// Row of the scenario that dirtied the inode last; written pages count there.
    pub row: u32,
    /// 1 if pages of another scenario had not been written yet when this one dirtied the inode.
    pub shared: u32,
}

/// The mapping that the last write fault of a thread hit. Only the kernel programs use it, to save the
/// call of `bpf_find_vma`.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct VmaCache {
    /// The mapping.
    pub vma: VmaClass,
    /// Address of the `mm_struct` that it belongs to. A process gets a new one while it executes a program, and
    /// stores into it before the call returns (`begin_new_exec`, fs/exec.c).
    pub address_space: u64,
    /// [`CONTROL_GENERATION`] for which the entry is valid.
    pub generation: u64,
}

/// A mapping, and what a store into it means.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct VmaClass {
    /// Address of the mapping's first byte.
    pub start: u64,
    /// Address after its last byte; 0 if nothing is known.
    pub end: u64,
    /// [`PENDING_COW`], [`PENDING_MKWRITE`] and [`PENDING_UNCLASSIFIED`], or none of them for anonymous
    /// memory; also [`PENDING_HUGETLB`] and [`PENDING_HUGETLB_EMPTY`].
    pub class: u64,
}

/// A piece of kernel code: the address of its first byte and the address after its last byte.
pub type CodeRange = [u64; 2];
/// Number of code ranges that copy between user and kernel memory; unused ones are empty.
pub const COPY_RANGES: usize = 32;

/// Words of the control map.
pub const CONTROL_WORDS: usize = 8;
/// Word that the programs increment when a traced process changes its address space: cached mappings
/// of earlier generations are invalid.
pub const CONTROL_GENERATION: u32 = 0;
/// Word that the tracer sets for `mmap-trace exec`: if it is not 0, the next exec of a traced task
/// begins scenario 1.
pub const CONTROL_ARMED: u32 = 1;
/// Word that the tracer sets to a random number: the task that passes it to a system call becomes the
/// first traced task.
pub const CONTROL_ADOPT: u32 = 2;
/// Word that the tracer sets to 1 to end a run: a traced task that forks is killed, and so is its child
/// before its first instruction. No chain of forks can run ahead of the tracer.
pub const CONTROL_ENDING: u32 = 3;
/// Word that the programs increment when a descriptor of a shared table is closed or replaced: the time by
/// which they order such changes and the ends of calls.
pub const CONTROL_DESCRIPTORS: u32 = 4;
/// Word that the tracer sets to the magic of the file system whose writeback is counted, or to 0 if that of
/// every file system is.
pub const CONTROL_WATCHED: u32 = 5;
/// Word that the tracer sets to the address at which the kernel maps physical memory, once it has found
/// out that page tables can be read there; 0 before.
pub const CONTROL_DIRECT_MAP: u32 = 6;

/// Word that the tracer sets to 1 if the programs see each request of io_uring: then the calls that submit
/// them hide nothing.
pub const CONTROL_RINGS: u32 = 7;

/// The changes of the descriptors that share an entry: a collision may make an exact byte a loss, never the
/// reverse.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct DescriptorChanges {
    /// Time of the last one.
    pub time: u64,
    /// Their number.
    pub count: u64,
}

/// A request of io_uring in flight.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RingRequest {
    /// The row of its submitter at that time.
    pub row: u32,
    /// Its operation.
    pub opcode: u32,
    /// Address of its ring's context in the kernel.
    pub ring: u64,
    /// The overflows of its completion queue until then.
    pub overflows: u64,
    /// Bytes that O_DIRECT transferred for it.
    pub direct_bytes: u64,
    /// How often O_DIRECT reported that.
    pub direct_steps: u64,
    /// What each event counts apart from the payload.
    pub header_bytes: u64,
    /// Which events tell its bytes.
    pub events: u64,
}

impl RingRequest {
    /// One event, which is its last.
    pub const ONE_EVENT: u64 = 0;
    /// Each event, the last one included.
    pub const EVENTS: u64 = 1;
    /// None, though it may post several.
    pub const UNKNOWN_EVENTS: u64 = 2;
    /// None, because it posts none if it succeeds.
    pub const NO_EVENT: u64 = 3;
}

/// What connects an event of a completion queue with the request that goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct RingEvent {
    /// Address of the ring's context in the kernel.
    pub ring: u64,
    /// What the program called the request.
    pub user_data: u64,
}

/// The requests that such an event may belong to.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct RingStream {
    /// Address of the request whose bytes its events tell; [`RingStream::UNKNOWN`] if they tell none.
    pub request: u64,
    /// Requests in flight with this user data that may post several events.
    pub users: u64,
}

impl RingStream {
    /// No request has this address.
    pub const UNKNOWN: u64 = 0;
}

/// Requests in flight that may post several events; the bytes of others are a declared loss.
pub const RING_STREAMS: u32 = 4096;

/// A request of native AIO.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub struct AioKey {
    /// The process that submitted it.
    pub process: u64,
    /// Address of its `struct iocb` there.
    pub address: u64,
}

/// A request of native AIO in flight.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct AioRequest {
    /// The row of its submitter at that time.
    pub row: u32,
    /// The counter of its bytes; [`AioRequest::NO_BYTES`] if it copies none.
    pub counter: u32,
    /// 1 if its event may belong to another request.
    pub ambiguous: u32,
}

impl AioRequest {
    /// Stands for no counter.
    pub const NO_BYTES: u32 = u32::MAX;
}

/// Requests of native AIO that can be in flight; the bytes of others are a declared loss.
pub const AIO_REQUESTS: u32 = 16384;

/// Requests of io_uring that can be in flight; the bytes of others are a declared loss.
pub const RING_REQUESTS: u32 = 16384;

/// Entries of the table of overflows, a power of two. Rings that share one may make exact bytes a loss, never
/// the reverse.
pub const RING_OVERFLOWS: u32 = 256;

/// Entries of the table of descriptor changes.
pub const DESCRIPTOR_CHANGES: usize = 8192;
