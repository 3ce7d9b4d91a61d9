//! Offsets of kernel fields and values of kernel enums, looked up in the kernel's BTF by the tracer.
//!
//! The tables are frozen read-only data: the verifier sees constants, checks every typed load, and
//! removes the branches of fields that this kernel does not have.

/// The offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

macro_rules! offsets {
    ($($(#[$doc:meta])* $name:ident = $path:literal $(or $alternative:literal)*,)*) => {
        /// One entry of the offset table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(usize)]
        pub enum Offset { $($(#[$doc])* $name,)* }

        /// For every [`Offset`]: its paths in BTF (`struct.field.field`), the first that exists wins.
        pub const PATHS: &[&[&str]] = &[$(&[$path $(, $alternative)*],)*];
    };
}

offsets! {
    /// Namespaces of a task.
    TaskNsproxy = "task_struct.nsproxy",
    /// UTS namespace.
    NsproxyUts = "nsproxy.uts_ns",
    /// Inode number of the namespace.
    UtsInum = "uts_namespace.ns.inum",
    /// Thread id.
    TaskPid = "task_struct.pid",
    /// Process id.
    TaskTgid = "task_struct.tgid",
    /// Minor faults of the thread.
    TaskMinFlt = "task_struct.min_flt",
    /// Major faults of the thread.
    TaskMajFlt = "task_struct.maj_flt",
    /// Non-zero inside atomic copies.
    TaskPagefaultDisabled = "task_struct.pagefault_disabled",
    /// Thread flags of x86: `TS_COMPAT`.
    TaskStatus = "task_struct.thread_info.status",
    /// Open files.
    TaskFiles = "task_struct.files",
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
    /// What a file is to its driver: a `struct socket` for sockets.
    FilePrivate = "file.private_data",
    /// `SOCK_STREAM` and the like.
    SocketType = "socket.type",
    /// What the network stack knows of a socket.
    SocketSock = "socket.sk",
    /// Flags of a `struct sock`, `SOCK_ZEROCOPY` among them.
    SockFlags = "sock.__sk_common.skc_flags",
    /// `SOCK_STREAM` and the like, at the `struct sock`.
    SockType = "sock.sk_type",
    /// What the device of a connection can do.
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
    /// Magic of a file system.
    SbMagic = "super_block.s_magic",
    /// Device of a file system.
    SbDev = "super_block.s_dev",
    /// Inode of a page cache.
    MappingHost = "address_space.host",
    /// Flags of a folio.
    FolioFlags = "folio.flags.f" or "folio.flags",
    /// Page cache of a folio.
    FolioMapping = "folio.mapping",
    /// Pages of a large folio.
    FolioPages = "folio._nr_pages" or "folio._folio_nr_pages",
    /// Low bit set in a tail page: its head.
    PageCompoundHead = "page.compound_head" or "page.compound_info",
    /// First byte of a mapping.
    VmaStart = "vm_area_struct.vm_start",
    /// Byte behind a mapping.
    VmaEnd = "vm_area_struct.vm_end",
    /// Flags of a mapping.
    VmaFlags = "vm_area_struct.vm_flags",
    /// File of a mapping.
    VmaFile = "vm_area_struct.vm_file",
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
    /// Kind of an iterator.
    IterType = "iov_iter.iter_type",
    /// Flags of a message.
    MsgFlags = "msghdr.msg_flags",
    /// Bit of a large folio's head page.
    BitHead = "enum pageflags.PG_head",
    /// Bit of a dirty folio.
    BitDirty = "enum pageflags.PG_dirty",
    /// Bit of a socket that was told `SO_ZEROCOPY`.
    BitZerocopy = "enum sock_flags.SOCK_ZEROCOPY",
    /// Iterator over one user buffer.
    IterUbuf = "enum iter_type.ITER_UBUF",
    /// Iterator over several user buffers.
    IterIovec = "enum iter_type.ITER_IOVEC",
}

/// Entries of the offset table.
pub const OFFSETS: usize = PATHS.len();

/// Parameters of one run, frozen like the offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Parameter {
    /// Inode number of the UTS namespace that makes a task a member; 0: a live entry of the task table does.
    MemberUts,
    /// Block device of the work directory's file system, as `dev_t`; 0: none.
    BlockDevice,
    /// `O_DIRECT` of this architecture.
    ODirect,
    /// Bytes of a page.
    PageBytes,
    /// An [`Injected`] mistake, for tests.
    Injected,
    /// 1 where the kernel lets programs at tracepoints be preempted.
    Preemptible,
}

/// Entries of the parameter table.
pub const PARAMETERS: usize = 6;

/// Mistakes that a test asks for, to see whether the calibration finds them. Without one they are dead
/// code to the verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Injected {
    /// None.
    Nothing,
    /// Every read counts a byte less.
    ReadShortByOne,
    /// `O_DIRECT` is taken for a copy.
    DirectCopied,
    /// Pipes are not seen.
    PipeLost,
    /// Every fault counts twice.
    FaultTwice,
    /// Folios are counted, not their pages.
    FolioIsOnePage,
    /// The first program of a hook leaves every other event to the second, which is no mistake if all is
    /// well.
    FirstLeaves,
}
