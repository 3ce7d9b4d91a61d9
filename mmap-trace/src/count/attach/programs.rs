//! The programs of the eBPF object: where each is attached and what it cannot work without.

use mmap_trace_ebpf::offsets::Offset;

/// Where a program is attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A tracepoint of the kernel image, with typed arguments.
    Tracepoint(&'static str),
    /// The entry of the first of these functions that exists; kernels rename them.
    Entry(&'static [&'static str]),
    /// The return of the first of these functions that exists.
    Return(&'static [&'static str]),
    /// A tracepoint of a module, with untyped arguments: its name, then the module's.
    ModuleTracepoint(&'static str, &'static str),
    /// Every occurrence of a software event, on every CPU.
    SoftwareEvent(SoftwareFault),
    /// Every tick of the CPU clock, on every CPU.
    CpuClock,
    /// None: the tracer runs the program itself, to find out whether it can read page tables.
    PageTables,
}

/// Time between two ticks of the CPU clock. It is a prime number, so that no loop of the program stays in step
/// with it. The rate is a tenth of the one above which kernels throttle (`kernel.perf_event_max_sample_rate`).
pub const SAMPLE_PERIOD_NS: u64 = 100_003;

/// The software events of perf that occur when a page fault completes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SoftwareFault {
    /// `PERF_COUNT_SW_PAGE_FAULTS_MIN`.
    Minor,
    /// `PERF_COUNT_SW_PAGE_FAULTS_MAJ`.
    Major,
}

impl Hook {
    #[must_use]
    pub fn place(self) -> String {
        match self {
            Hook::Tracepoint(name) => format!("tracepoint {name}"),
            Hook::Entry(names) => format!("entry of {}", names.join(" or ")),
            Hook::Return(names) => format!("return of {}", names.join(" or ")),
            Hook::ModuleTracepoint(name, module) => format!("tracepoint {name} of module {module}"),
            Hook::SoftwareEvent(SoftwareFault::Minor) => "software event minor-faults".to_owned(),
            Hook::SoftwareEvent(SoftwareFault::Major) => "software event major-faults".to_owned(),
            Hook::CpuClock => "software event cpu-clock".to_owned(),
            Hook::PageTables => "page tables".to_owned(),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name in the object.
    pub name: &'static str,
    pub hook: Hook,
    /// The fields without which it cannot work, apart from [`BASE_OFFSETS`].
    pub needs: &'static [Offset],
    /// The field of the mechanism that it is about; a kernel without the mechanism does not need it.
    pub only_with: Option<Offset>,
    /// The name of the program that handles the events for which the kernel skips this one
    /// (`mmap_trace_ebpf::backups`).
    pub backup: Option<&'static str>,
    pub when_skipped: WhenSkipped,
}

/// What is missing if the kernel skips a program and no backup runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenSkipped {
    /// What it would have counted.
    Lost,
    /// Nothing: the run that kept the kernel from running it again saw the same.
    Nothing,
}

/// A row: a program's name in the object, its hook, and the fields that it needs.
///
/// A program at a tracepoint always has a backup, because the kernel may let it be preempted. A program
/// at another hook has one if its row ends with `backed_up`. A row that ends with `idempotent` has none, and
/// nothing is missing if the program is skipped.
macro_rules! programs {
    ($($(#[$doc:meta])* $constant:ident = $name:literal at $hook:expr, needs [$($need:ident)*]
       $(only_with $mechanism:ident)? $(, $skipped:ident)?;)*) => {
        $($(#[$doc])* pub static $constant: Program = Program {
            name: $name,
            hook: $hook,
            needs: &[$(Offset::$need,)*],
            only_with: programs!(@only_with $($mechanism)?),
            backup: programs!(@backup $name, $hook $(, $skipped)?),
            when_skipped: programs!(@when_skipped $($skipped)?),
        };)*
        /// Every program of the object that the plan knows.
        pub static PROGRAMS: &[&Program] = &[$(&$constant,)*];
    };
    (@only_with) => { None };
    (@only_with $mechanism:ident) => { Some(Offset::$mechanism) };
    (@when_skipped idempotent) => { WhenSkipped::Nothing };
    (@when_skipped $($other:ident)?) => { WhenSkipped::Lost };
    (@backup $name:literal, $hook:expr, idempotent) => { None };
    (@backup $name:literal, $hook:expr, backed_up) => { Some(concat!($name, "_backup")) };
    (@backup $name:literal, $hook:expr) => {
        match $hook {
            Tracepoint(_) | ModuleTracepoint(..) => Some(concat!($name, "_backup")),
            Entry(_) | Return(_) | SoftwareEvent(_) | CpuClock | PageTables => None,
        }
    };
}

use Hook::{CpuClock, Entry, ModuleTracepoint, PageTables, Return, SoftwareEvent, Tracepoint};

programs! {
    /// The child inherits its parent's slot.
    PROCESS_FORK = "process_fork" at Tracepoint("sched_process_fork"), needs [];
    /// Begins the scenario of a command.
    PROCESS_EXEC = "process_exec" at Tracepoint("sched_process_exec"), needs [];
    /// Closes the fault account of the task.
    PROCESS_EXIT = "process_exit" at Tracepoint("sched_process_exit"), needs [];
    /// Counts system calls and the bytes that they copy.
    SYS_EXIT = "sys_exit" at Tracepoint("sys_exit"),
        needs [RegsCall RegsArg1 RegsArg2 RegsArg3 RegsArg4 RegsArg5 TaskFiles FilesCount InodeMapping
            MappingOperations OperationsReadFolio SbBackingDevice BackingDeviceCapabilities FilesFdt FilesFdtab FilesFdArray
            FdtMax FdtFd FilePrivate SocketType FileInode FileFlags InodeMode InodeRdev InodeSb SbMagic];
    /// Follows what O_DIRECT transfers without a copy.
    DIRECT_PROGRESS = "direct_progress" at Tracepoint("iomap_iter"), needs [IomapFlags IomapPosition IomapType IomapLength];
    /// Follows direct reads that report their end only.
    DIRECT_COMPLETE = "direct_complete" at Tracepoint("iomap_dio_complete"), needs [RequestComplete] only_with SimpleDirectRead;
    /// Remembers requests of io_uring.
    RING_SUBMITTED = "ring_submitted" at Tracepoint("io_uring_submit_req"),
        needs [RequestOpcode RequestFlags RequestRing RequestUserData RingMessageFlags RingMessageRequest RingMessage];
    /// Does the same on kernels until 6.3.
    RING_SUBMITTED_SQE = "ring_submitted_sqe" at Tracepoint("io_uring_submit_sqe"),
        needs [RequestOpcode RequestFlags RequestRing RequestUserData RingMessageFlags RingMessageRequest RingMessage];
    /// Counts the bytes of requests of io_uring.
    RING_COMPLETED = "ring_completed" at Tracepoint("io_uring_complete"),
        needs [RequestResult RequestFile RequestRing RequestUserData KiocbFlags CqeUserData CqeResult];
    /// Does the same on kernels that describe a completion by values.
    RING_COMPLETED_VALUES = "ring_completed_values" at Tracepoint("io_uring_complete"),
        needs [RequestResult RequestFile RequestRing RequestUserData KiocbFlags];
    /// Counts the overflows of completion queues.
    RING_OVERFLOWED = "ring_overflowed" at Tracepoint("io_uring_cqe_overflow"), needs [];
    /// Separates the requests of io_uring from the next system call.
    RING_WORKED = "ring_worked" at Tracepoint("io_uring_task_work_run"), needs [];
    /// Follows what O_DIRECT transfers for requests of io_uring.
    RING_DIRECT = "ring_direct" at Tracepoint("iomap_dio_complete"), needs [], idempotent;
    /// Counts bytes received from sockets.
    SOCKET_RECEIVE = "socket_receive" at Tracepoint("skb_copy_datagram_iovec"), needs [];
    /// Counts page faults of user mode.
    FAULT_USER = "fault_user" at Tracepoint("page_fault_user"),
        needs [TaskMm VmaStart VmaEnd VmaFlags VmaFile VmaOperations FileInode InodeMapping MappingPages];
    /// Counts page faults of kernel mode.
    FAULT_KERNEL = "fault_kernel" at Tracepoint("page_fault_kernel"),
        needs [TaskPagefaultDisabled TaskMm VmaStart VmaEnd VmaFlags VmaFile VmaOperations FileInode InodeMapping MappingPages];
    /// Counts page faults when their handler returns.
    FAULT_RETURNED = "fault_returned" at Return(&["handle_mm_fault"]), needs [VmaFlags VmaFile VmaOperations FileInode InodeMapping MappingPages], backed_up;
    /// Counts minor faults by perf's software event.
    FAULT_MINOR = "fault_minor" at SoftwareEvent(SoftwareFault::Minor), needs [];
    /// Counts major faults by perf's software event.
    FAULT_MAJOR = "fault_major" at SoftwareEvent(SoftwareFault::Major), needs [];
    /// Finds the page tables, so that programs can read them.
    PEEK = "peek" at PageTables, needs [TaskMm MmPgd];
    /// Sees when a fault takes a page away.
    TLB_FLUSHED = "tlb_flushed" at Tracepoint("tlb_flush"), needs [TaskMm MmPgd MmSwapped], idempotent;
    /// Samples the instruction address at each tick of the CPU clock.
    CPU_SAMPLE = "cpu_sample" at CpuClock, needs [];
    /// Counts pages that become dirty, and remembers who dirtied their inode.
    DIRTY_FOLIO = "dirty_folio" at Tracepoint("writeback_dirty_folio"),
        needs [MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic FolioFlags BitHead];
    /// Counts writeback on ext4.
    EXT4_WRITTEN = "ext4_written" at Tracepoint("ext4_writepages_result"),
        needs [InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Does the same where ext4 is a module.
    EXT4_WRITTEN_RAW = "ext4_written_raw" at ModuleTracepoint("ext4_writepages_result", "ext4"),
        needs [InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Counts writeback through iomap.
    IOMAP_WRITTEN = "iomap_written" at Tracepoint("iomap_writeback_folio"),
        needs [InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Counts writeback on btrfs.
    BTRFS_ORDERED = "btrfs_ordered" at Tracepoint("btrfs_ordered_extent_add"),
        needs [BtrfsVfsInode OrderedBytes OrderedFlags InodeBytes InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Counts writeback of files of one page on btrfs.
    BTRFS_FOLIO = "btrfs_folio" at Tracepoint("extent_writepage"),
        needs [InodeBytes InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic FolioFlags BitHead];
    /// Counts writeback on any file system.
    FOLIO_WRITTEN = "folio_written" at Entry(&["__folio_start_writeback"]),
        needs [FolioMapping MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic FolioFlags BitHead];
    /// Counts dirty pages that ext4 discards.
    EXT4_INVALIDATED = "ext4_invalidated" at Tracepoint("ext4_invalidate_folio"),
        needs [FolioMapping FolioFlags BitDirty BitHead MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Does the same where ext4 is a module.
    EXT4_INVALIDATED_RAW = "ext4_invalidated_raw" at ModuleTracepoint("ext4_invalidate_folio", "ext4"),
        needs [FolioMapping FolioFlags BitDirty BitHead MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Forgets an inode whose number ext4 frees.
    EXT4_FREED = "ext4_freed" at Tracepoint("ext4_free_inode"),
        needs [InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Does the same where ext4 is a module.
    EXT4_FREED_RAW = "ext4_freed_raw" at ModuleTracepoint("ext4_free_inode", "ext4"),
        needs [InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Counts pages that enter the page cache.
    CACHE_ADDED = "cache_added" at Tracepoint("mm_filemap_add_to_page_cache"),
        needs [FolioMapping FolioFlags BitHead MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Counts fault-around candidates.
    MAPPED_AROUND = "mapped_around" at Tracepoint("mm_filemap_map_pages"), needs [];
    /// Counts requests to the block device.
    BIO_QUEUE = "bio_queue" at Tracepoint("block_bio_queue"),
        needs [BioDevice BioOperation BioBytes BioVectors BioIndex VectorPage BlockDeviceNumber FolioMapping
            MappingHost InodeMode InodeSb InodeIno InodeGeneration SbDev SbMagic];
    /// Cross-check: reads through the page cache.
    CROSS_CHECK_FILEMAP_READ = "cross_check_filemap_read" at Return(&["filemap_read"]), needs [IterType IterIovec];
    /// Cross-check: reads of tmpfs.
    CROSS_CHECK_SHMEM_READ = "cross_check_shmem_read" at Return(&["shmem_file_read_iter"]), needs [IterType IterIovec];
    /// Cross-check: reads of pipes. Renamed between 6.12 and 6.18.
    CROSS_CHECK_PIPE_READ = "cross_check_pipe_read" at Return(&["anon_pipe_read", "pipe_read"]), needs [IterType IterIovec];
    /// Cross-check: writes into the page cache and tmpfs.
    CROSS_CHECK_GENERIC_WRITE = "cross_check_generic_write" at Return(&["generic_perform_write"]), needs [IterType IterIovec];
    /// Cross-check: writes into pipes. Renamed between 6.12 and 6.18.
    CROSS_CHECK_PIPE_WRITE = "cross_check_pipe_write" at Return(&["anon_pipe_write", "pipe_write"]), needs [IterType IterIovec];
    /// Cross-check: sends on TCP.
    CROSS_CHECK_TCP_SEND = "cross_check_tcp_send" at Return(&["tcp_sendmsg"]), needs [MsgFlags];
    /// Cross-check: sends on UDP.
    CROSS_CHECK_UDP_SEND = "cross_check_udp_send" at Return(&["udp_sendmsg"]), needs [MsgFlags];
    /// Cross-check: sends on unix streams.
    CROSS_CHECK_UNIX_STREAM_SEND = "cross_check_unix_stream_send" at Return(&["unix_stream_sendmsg"]), needs [MsgFlags];
    /// Cross-check: sends on unix datagram sockets.
    CROSS_CHECK_UNIX_DATAGRAM_SEND = "cross_check_unix_datagram_send" at Return(&["unix_dgram_sendmsg"]), needs [MsgFlags];
    /// Cross-check: returns of the fault handler.
    CROSS_CHECK_FAULT = "cross_check_fault" at Return(&["handle_mm_fault"]), needs [], backed_up;
}

/// Fields that every program needs to find its row.
pub const BASE_OFFSETS: &[Offset] = &[
    Offset::TaskPid,
    Offset::TaskTgid,
    Offset::TaskGroupLeader,
    Offset::TaskStart,
    Offset::TaskFlags,
    Offset::TaskMinFlt,
    Offset::TaskMajFlt,
];

/// Programs that follow the requests of io_uring: one of each line.
pub static RINGS: &[&[&Program]] = &[
    &[&RING_COMPLETED, &RING_COMPLETED_VALUES],
    &[&RING_OVERFLOWED],
    &[&RING_WORKED],
    &[&RING_SUBMITTED, &RING_SUBMITTED_SQE],
];

/// Programs without which nothing can be counted.
pub static BASE: &[&Program] = &[&PROCESS_FORK, &PROCESS_EXEC, &PROCESS_EXIT];
