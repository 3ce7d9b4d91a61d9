//! The values that tell kinds of files apart: the mode of an inode, and the magic of its file system.

/// `S_IFMT` and the file types under that mask (include/uapi/linux/stat.h).
pub mod mode {
    /// Mask of the file type.
    pub const FORMAT: u32 = 0o170_000;
    /// Socket.
    pub const SOCKET: u32 = 0o140_000;
    /// Regular file.
    pub const REGULAR: u32 = 0o100_000;
    /// Block device.
    pub const BLOCK: u32 = 0o060_000;
    /// Character device.
    pub const CHARACTER: u32 = 0o020_000;
    /// Pipe or FIFO.
    pub const FIFO: u32 = 0o010_000;
}

/// File systems that are treated apart (include/uapi/linux/magic.h).
pub mod magic {
    /// ext2, ext3 and ext4.
    pub const EXT4: u64 = 0xEF53;
    /// btrfs.
    pub const BTRFS: u64 = 0x9123_683e;
    /// XFS.
    pub const XFS: u64 = 0x5846_5342;
    /// F2FS.
    pub const F2FS: u64 = 0xF2F5_2010;
    /// tmpfs, shm and memfd.
    pub const TMPFS: u64 = 0x0102_1994;
    /// ramfs and the initial root file system.
    pub const RAMFS: u64 = 0x8584_58f6;
    /// hugetlbfs, and memfd with huge pages.
    pub const HUGETLBFS: u64 = 0x9584_58f6;
    /// FUSE.
    pub const FUSE: u64 = 0x6573_5546;
    /// overlayfs.
    pub const OVERLAYFS: u64 = 0x794c_7630;
}

/// `O_ACCMODE`: the mask of the access mode in `file.f_flags`; `O_RDONLY` is 0.
pub const O_ACCMODE: u32 = 3;

/// A device number as the kernel stores it in `inode.i_rdev` and `super_block.s_dev` (`MKDEV`,
/// `include/linux/kdev_t.h`).
#[must_use]
pub const fn kernel_dev(major: u32, minor: u32) -> u32 {
    (major << 20) | minor
}
