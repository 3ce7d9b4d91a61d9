//! Offsets of kernel fields and values of kernel enums, which the tracer looks up in the kernel's BTF,
//! and the parameters of one run.
//!
//! The tracer writes both tables before it loads the programs, and the programs only read them. They
//! are frozen read-only data, so the verifier sees constants: it checks every typed load, and removes
//! the branches for fields that this kernel does not have.

/// The value of an [`Offset`] whose field or enum value this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident = $path:literal $(or $alternative:literal)*,)*) => {
        /// One entry of the offset table: a field, with its offset in bytes, or an enum value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Offset { $($(#[$doc])* $name,)* }

        /// For every [`Offset`], its paths in BTF (`struct.field.field` or `enum type.VALUE`); the
        /// first one that exists is used.
        pub const PATHS: &[&[&str]] = &[$(&[$path $(, $alternative)*],)*];
    };
}

offsets! {
    /// Thread id.
    TaskPid = "task_struct.pid",
    /// Process id.
    TaskTgid = "task_struct.tgid",
    /// The thread that leads the process.
    TaskGroupLeader = "task_struct.group_leader",
    /// When the thread was forked.
    TaskStart = "task_struct.start_boottime",
    /// Flags of the thread, such as `PF_EXITING`.
    TaskFlags = "task_struct.flags",
    /// Minor faults of the thread.
    TaskMinFlt = "task_struct.min_flt",
    /// Major faults of the thread.
    TaskMajFlt = "task_struct.maj_flt",
    /// Not 0 inside atomic copies.
    TaskPagefaultDisabled = "task_struct.pagefault_disabled",
    /// Address space of the thread.
    TaskMm = "task_struct.mm",
    /// Table of the highest level that maps an address space.
    MmPgd = "mm_struct.pgd",
    /// Links the address spaces that have had swap entries.
    MmSwapped = "mm_struct.mmlist",
    /// Thread flags of x86: `TS_COMPAT`.
    TaskStatus = "task_struct.thread_info.status",
    /// Open files.
    TaskFiles = "task_struct.files",
    /// Tasks that share a descriptor table.
    FilesCount = "files_struct.count",
    /// Current descriptor table.
    FilesFdt = "files_struct.fdt",
    /// Embedded descriptor table.
    FilesFdtab = "files_struct.fdtab",
    /// Embedded descriptors.
    FilesFdArray = "files_struct.fd_array",
    /// Size of a descriptor table.
    FdtMax = "fdtable.max_fds",
    /// Descriptors of a table.
    FdtFd = "fdtable.fd",
    /// Inode of an open file.
    FileInode = "file.f_inode",
    /// Open flags.
    FileFlags = "file.f_flags",
    /// Private data of a file's driver: for sockets, the `struct socket`.
    FilePrivate = "file.private_data",
    /// Type of a socket, such as `SOCK_STREAM`.
    SocketType = "socket.type",
    /// The network stack's `struct sock` of a socket.
    SocketSock = "socket.sk",
    /// Flags of a `struct sock`, `SOCK_ZEROCOPY` among them.
    SockFlags = "sock.__sk_common.skc_flags",
    /// Type of a `struct sock`, such as `SOCK_STREAM`.
    SockType = "sock.sk_type",
    /// Features of the device that a connection uses.
    SockDevice = "sock.sk_route_caps",
    /// File type and permissions.
    InodeMode = "inode.i_mode",
    /// Device number of a device node.
    InodeRdev = "inode.i_rdev",
    /// Super block.
    InodeSb = "inode.i_sb",
    /// Inode number.
    InodeIno = "inode.i_ino",
    /// Inode generation.
    InodeGeneration = "inode.i_generation",
    /// Size of a file in bytes.
    InodeBytes = "inode.i_size",
    /// Page cache of an inode.
    InodeMapping = "inode.i_mapping",
    /// Operations of a page cache.
    MappingOperations = "address_space.a_ops",
    /// Reads a folio from where the file system keeps it.
    OperationsReadFolio = "address_space_operations.read_folio",
    /// Device that a file system writes back to.
    SbBackingDevice = "super_block.s_bdi",
    /// What such a device can do.
    BackingDeviceCapabilities = "backing_dev_info.capabilities",
    /// Flags that a FUSE server gave to an open file.
    FuseOpenFlags = "fuse_file.open_flags",
    /// File behind an open file of overlayfs, where the private data is not that file itself.
    OverlayRealFile = "ovl_file.realfile",
    /// Flags of an operation that iomap carries out.
    IomapFlags = "iomap_iter.flags",
    /// Position that it has reached.
    IomapPosition = "iomap_iter.pos",
    /// Bytes that its last step added to the position later, where steps do not add them at once.
    IomapProcessed = "iomap_iter.processed",
    /// Kind of the extent that its last step worked on.
    IomapType = "iomap_iter.iomap.type",
    /// A direct read of a single extent, on kernels that treat it apart.
    SimpleDirectRead = "iomap_dio_simple.size",
    /// What is called when a request to read or write completes; 0 if the requester waits.
    RequestComplete = "kiocb.ki_complete",
    /// The general part of an inode of btrfs.
    BtrfsVfsInode = "btrfs_inode.vfs_inode",
    /// Bytes of a file that btrfs writes at once.
    OrderedBytes = "btrfs_ordered_extent.num_bytes",
    /// How it writes them.
    OrderedFlags = "btrfs_ordered_extent.flags",
    /// Operation of a request of io_uring.
    RequestOpcode = "io_kiocb.opcode",
    /// Its flags.
    RequestFlags = "io_kiocb.flags",
    /// Its result.
    RequestResult = "io_kiocb.cqe.res",
    /// Its file.
    RequestFile = "io_kiocb.file",
    /// What the program called it.
    RequestUserData = "io_kiocb.cqe.user_data",
    /// Its ring.
    RequestRing = "io_kiocb.ctx",
    /// Flags of a read or a write that may complete later.
    KiocbFlags = "kiocb.ki_flags",
    /// Flags of the message that it sends or receives; the structure lies at the request's beginning.
    RingMessageFlags = "io_sr_msg.msg_flags",
    /// How it sends or receives.
    RingMessageRequest = "io_sr_msg.flags",
    /// The program's description of that message.
    RingMessage = "io_sr_msg.umsg",
    /// In an event of io_uring, what the program called the request.
    CqeUserData = "io_uring_cqe.user_data",
    /// The result in an event of io_uring.
    CqeResult = "io_uring_cqe.res",
    /// Bytes of the extent that an operation of iomap works on; 0 before the first one.
    IomapLength = "iomap_iter.iomap.length",
    /// Magic of a file system.
    SbMagic = "super_block.s_magic",
    /// Device of a file system.
    SbDev = "super_block.s_dev",
    /// Inode of a page cache.
    MappingHost = "address_space.host",
    /// Pages of a page cache.
    MappingPages = "address_space.nrpages",
    /// Flags of a folio.
    FolioFlags = "folio.flags.f" or "folio.flags",
    /// Page cache of a folio.
    FolioMapping = "folio.mapping",
    /// Pages of a large folio.
    FolioPages = "folio._nr_pages" or "folio._folio_nr_pages",
    /// Leads from a tail page to its head page; the low bit marks a tail page.
    PageCompoundHead = "page.compound_head" or "page.compound_info",
    /// Address of the first byte of a mapping.
    VmaStart = "vm_area_struct.vm_start",
    /// Address after the last byte of a mapping.
    VmaEnd = "vm_area_struct.vm_end",
    /// Flags of a mapping.
    VmaFlags = "vm_area_struct.vm_flags",
    /// File of a mapping.
    VmaFile = "vm_area_struct.vm_file",
    /// Operations of a mapping; null for anonymous memory.
    VmaOperations = "vm_area_struct.vm_ops",
    /// Device of a bio.
    BioDevice = "bio.bi_bdev",
    /// Operation of a bio.
    BioOperation = "bio.bi_opf",
    /// Bytes of a bio.
    BioBytes = "bio.bi_iter.bi_size",
    /// Pages of a bio.
    BioVectors = "bio.bi_io_vec",
    /// Current vector of a bio.
    BioIndex = "bio.bi_iter.bi_idx",
    /// Page of a vector.
    VectorPage = "bio_vec.bv_page",
    /// Number of a block device.
    BlockDeviceNumber = "block_device.bd_dev",
    /// Call number.
    RegsCall = "pt_regs.orig_ax" or "pt_regs.syscallno",
    /// Argument 1.
    RegsArg1 = "pt_regs.di" or "pt_regs.orig_x0",
    /// Argument 2.
    RegsArg2 = "pt_regs.si",
    /// Argument 3.
    RegsArg3 = "pt_regs.dx",
    /// Argument 4.
    RegsArg4 = "pt_regs.r10",
    /// Argument 5.
    RegsArg5 = "pt_regs.r8",
    /// Argument 1 of a 32-bit call; arguments 3 to 5 are in the registers of arguments 3, 2 and 1.
    RegsCompatArg1 = "pt_regs.bx",
    /// Argument 2 of a 32-bit call.
    RegsCompatArg2 = "pt_regs.cx",
    /// Kind of an iterator.
    IterType = "iov_iter.iter_type",
    /// Flags of a message.
    MsgFlags = "msghdr.msg_flags",
    /// Bit of a large folio's head page.
    BitHead = "enum pageflags.PG_head",
    /// Bit of a dirty folio.
    BitDirty = "enum pageflags.PG_dirty",
    /// Bit of a socket on which `SO_ZEROCOPY` was set.
    BitZerocopy = "enum sock_flags.SOCK_ZEROCOPY",
    /// Iterator over one user buffer.
    IterUbuf = "enum iter_type.ITER_UBUF",
    /// Iterator over several user buffers.
    IterIovec = "enum iter_type.ITER_IOVEC",
}

/// Entries of the offset table.
pub const OFFSETS: usize = PATHS.len();

/// Parameters of one run, which the tracer sets and freezes like the offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Parameter {
    /// Block device of the work directory's file system, as the kernel's `dev_t`; 0 if there is none.
    BlockDevice,
    /// The value of `O_DIRECT` on this architecture.
    ODirect,
    /// Size of a page in bytes.
    PageBytes,
    /// The [`Injected`] mistake that a test asked for.
    Injected,
    /// 1 if the kernel lets programs at tracepoints be preempted, otherwise 0.
    Preemptible,
    /// Bits of a physical address; 0 if the tracer cannot read this machine's page tables.
    PhysicalBits,
}

/// Entries of the parameter table.
pub const PARAMETERS: usize = 6;

/// Mistakes that a test can ask the programs to make, to check that the calibration finds them. In any
/// other run the verifier removes them as dead code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Injected {
    /// No mistake.
    Nothing,
    /// Every read counts a byte less.
    ReadShortByOne,
    /// `O_DIRECT` counts as a copy.
    DirectCopied,
    /// Bytes through pipes do not count.
    PipeLost,
    /// Every fault counts twice.
    FaultTwice,
    /// Every folio counts as one page.
    FolioIsOnePage,
    /// The primary program of each hook skips half of its events at random, so that the backup must
    /// handle them. This changes no count if the backups work.
    PrimarySkips,
}
