//! Which file a descriptor refers to, and hence what reading or writing it copies.

use mmap_trace_ebpf::{
    files::{O_ACCMODE, kernel_dev, magic, mode},
    offsets::{Injected, Offset, Parameter},
};

use crate::{
    current_task::CurrentTask,
    descriptor_changes::may_have_changed,
    fields::{field, injected, load, near_descriptor, offset, parameter, present, probe, probe_at},
};

/// Where the payload of a read comes from, or that of a write goes to.
///
/// The first six are in the order of the `ToUser…` and `FromUser…` counters.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Path {
    PageCache,
    Tmpfs,
    Pipe,
    Socket,
    #[allow(
        dead_code,
        reason = "keeps the order of the counters; no descriptor refers to a process"
    )]
    Process,
    Other,
    /// O_DIRECT on a block device, which transfers without a copy.
    Direct,
    /// O_DIRECT on a file system that transfers by iomap, or else through the page cache.
    DirectOrCached,
    /// O_DIRECT on a file system that transfers by iomap, or else by means that we do not know.
    DirectUnknown,
    /// A file system of which we do not know where the bytes come from or go to.
    Unknown,
    /// No byte is copied: /dev/null.
    Nothing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CopyDirection {
    ToUser,
    FromUser,
}

/// The attributes of an open file that decide its [`Path`].
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// Address of its `struct file`.
    address: *const u8,
    mode: u32,
    flags: u32,
    magic: u64,
    device: u32,
}

impl File {
    /// The file that the current call used by this descriptor; `None` if another thread has closed or
    /// replaced it meanwhile.
    #[inline(always)]
    pub(crate) fn behind(current: &CurrentTask, descriptor: u32) -> Option<File> {
        let files: *const u8 = load(current.task, Offset::TaskFiles);
        if files.is_null() || may_have_changed(current, descriptor) {
            return None;
        }
        let table: *const u8 = load(files, Offset::FilesFdt);
        if core::ptr::eq(table, field(files, Offset::FilesFdtab)) {
            macro_rules! near {
                ($($n:literal)*) => {$(
                    if descriptor == near_descriptor($n) {
                        // Reads the index again: LLVM knows that the compared value equals the
                        // descriptor, and would add that variable to the pointer.
                        let entry = offset(Offset::FilesFdArray) + 8 * near_descriptor($n) as usize;
                        let entry = files.wrapping_add(entry).cast();
                        // SAFETY: the verifier checks the access; the offset is a constant to it.
                        return File::typed(unsafe { core::ptr::read_volatile(entry) });
                    }
                )*};
            }
            near!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        }
        File::probed(table, descriptor)
    }

    #[inline(always)]
    fn typed(file: *const u8) -> Option<File> {
        if file.is_null() {
            return None;
        }
        let inode: *const u8 = load(file, Offset::FileInode);
        if inode.is_null() {
            return None;
        }
        let mode = u32::from(load::<u16>(inode, Offset::InodeMode));
        let device = if mode & mode::FORMAT == mode::CHARACTER {
            load(inode, Offset::InodeRdev)
        } else {
            0
        };
        let block: *const u8 = load(inode, Offset::InodeSb);
        if block.is_null() {
            return None;
        }
        Some(File {
            address: file,
            mode,
            flags: load(file, Offset::FileFlags),
            magic: load(block, Offset::SbMagic),
            device,
        })
    }

    /// For a descriptor above 15, or a table that has grown: slower, and exact as well.
    #[inline(never)]
    fn probed(table: *const u8, descriptor: u32) -> Option<File> {
        File::at(probed_file(table, descriptor)?)
    }

    /// An open file by its address, which need not be typed.
    #[inline(always)]
    pub(crate) fn at(file: *const u8) -> Option<File> {
        let inode: *const u8 = probe(file, Offset::FileInode)?;
        let block: *const u8 = probe(inode, Offset::InodeSb)?;
        Some(File {
            address: file,
            mode: u32::from(probe::<u16>(inode, Offset::InodeMode)?),
            flags: probe(file, Offset::FileFlags)?,
            magic: probe(block, Offset::SbMagic)?,
            device: probe(inode, Offset::InodeRdev)?,
        })
    }

    /// The same as [`Self::behind`], by fewer instructions that take longer.
    #[inline(always)]
    pub(crate) fn looked_up(current: &CurrentTask, descriptor: u32) -> Option<File> {
        if may_have_changed(current, descriptor) {
            return None;
        }
        let files: *const u8 = probe(current.task, Offset::TaskFiles)?;
        File::probed(probe(files, Offset::FilesFdt)?, descriptor)
    }

    /// The file as a request uses it that decided about O_DIRECT before.
    #[inline(always)]
    pub(crate) fn with_direct(self, is_direct: bool) -> File {
        let flag = parameter(Parameter::ODirect);
        let others = self.flags & !flag;
        let flags = if is_direct { others | flag } else { others };
        File { flags, ..self }
    }

    /// Whether the file was opened for reading only.
    #[inline(always)]
    pub(crate) fn is_read_only(&self) -> bool {
        self.flags & O_ACCMODE == 0
    }

    /// Where the payload comes from or goes to.
    #[inline(always)]
    pub(crate) fn path(&self, direction: CopyDirection) -> Path {
        match self.mode & mode::FORMAT {
            mode::REGULAR => self.regular(),
            mode::FIFO if injected(Injected::PipeLost) => Path::Nothing,
            mode::FIFO => Path::Pipe,
            mode::SOCKET => Path::Socket,
            mode::CHARACTER => self.character(direction),
            mode::BLOCK if self.is_direct() => Path::Direct,
            mode::BLOCK => Path::PageCache,
            _ => Path::Other,
        }
    }

    #[inline(always)]
    fn is_direct(&self) -> bool {
        self.flags & parameter(Parameter::ODirect) != 0 && !injected(Injected::DirectCopied)
    }

    #[inline(always)]
    fn regular(&self) -> Path {
        match self.magic {
            // tmpfs accepts O_DIRECT and copies (shmem_file_read_iter, mm/shmem.c).
            magic::TMPFS | magic::RAMFS | magic::HUGETLBFS => Path::Tmpfs,
            magic::EXT4 | magic::XFS | magic::F2FS | magic::BTRFS if self.is_direct() => {
                Path::DirectOrCached
            }
            magic::EXT4 | magic::XFS | magic::F2FS | magic::BTRFS => Path::PageCache,
            magic => unlisted(self.address, magic, self.is_direct()),
        }
    }

    /// /dev/null copies nothing in either direction, and a write to /dev/zero copies nothing
    /// (drivers/char/mem.c).
    #[inline(always)]
    fn character(&self, direction: CopyDirection) -> Path {
        const NULL: u32 = kernel_dev(1, 3);
        const ZERO: u32 = kernel_dev(1, 5);
        match (self.device, direction) {
            (NULL, _) | (ZERO, CopyDirection::FromUser) => Path::Nothing,
            _ => Path::Other,
        }
    }
}

/// The path of a regular file on a file system that the fast path does not know. A file of overlayfs has the
/// path of the file behind it.
#[inline(never)]
fn unlisted(mut file: *const u8, mut magic: u64, is_direct: bool) -> Path {
    if magic == magic::OVERLAYFS {
        match real_file(file) {
            Some(real) => (file, magic) = real,
            None => return Path::Unknown,
        }
    }
    match magic {
        magic::TMPFS | magic::RAMFS | magic::HUGETLBFS => Path::Tmpfs,
        magic::EXT4 | magic::XFS | magic::F2FS | magic::BTRFS if is_direct => Path::DirectOrCached,
        magic::EXT4 | magic::XFS | magic::F2FS | magic::BTRFS => Path::PageCache,
        magic::OVERLAYFS => Path::Unknown,
        _ if !has_page_cache(file) => Path::Other,
        _ if is_direct => Path::DirectUnknown,
        magic::FUSE if !fuse_uses_page_cache(file) => Path::Unknown,
        _ => Path::PageCache,
    }
}

/// Whether the kernel reads the file into a page cache: its file system can fill a folio (`read_folio`) and
/// has a device to write it back to. Files whose content the kernel makes up have neither, or only a cache
/// of generated pages that nobody fills (`ram_aops`, fs/libfs.c, of kernfs and configfs).
#[inline(always)]
fn has_page_cache(file: *const u8) -> bool {
    // BDI_CAP_WRITEBACK (include/linux/backing-dev.h).
    const WRITEBACK: u32 = 1;
    let is_cached = || {
        let inode: *const u8 = probe(file, Offset::FileInode)?;
        let mapping: *const u8 = probe(inode, Offset::InodeMapping)?;
        let operations: *const u8 = probe(mapping, Offset::MappingOperations)?;
        let read_folio: u64 = probe(operations, Offset::OperationsReadFolio)?;
        let block: *const u8 = probe(inode, Offset::InodeSb)?;
        let device: *const u8 = probe(block, Offset::SbBackingDevice)?;
        let capabilities: u32 = probe(device, Offset::BackingDeviceCapabilities)?;
        Some(read_folio != 0 && capabilities & WRITEBACK != 0)
    };
    is_cached().unwrap_or(false)
}

/// Whether FUSE serves the file from its page cache; if not, the server or another file does. Where FUSE is a
/// module, the kernel's BTF does not tell.
#[inline(always)]
fn fuse_uses_page_cache(file: *const u8) -> bool {
    // FOPEN_DIRECT_IO and FOPEN_PASSTHROUGH (include/uapi/linux/fuse.h).
    const ELSEWHERE: u32 = 1 | 1 << 7;
    if !present(Offset::FuseOpenFlags) {
        return false;
    }
    let flags = || {
        let opened: *const u8 = probe(file, Offset::FilePrivate)?;
        probe::<u32>(opened, Offset::FuseOpenFlags)
    };
    flags().is_some_and(|flags| flags & ELSEWHERE == 0)
}

/// The regular file behind an open file of overlayfs, and the magic of its file system.
#[inline(always)]
fn real_file(file: *const u8) -> Option<(*const u8, u64)> {
    let mut real: *const u8 = probe(file, Offset::FilePrivate)?;
    if present(Offset::OverlayRealFile) {
        real = probe(real, Offset::OverlayRealFile)?;
    }
    let inode: *const u8 = probe(real, Offset::FileInode)?;
    let kind = u32::from(probe::<u16>(inode, Offset::InodeMode)?) & mode::FORMAT;
    let block: *const u8 = probe(inode, Offset::InodeSb)?;
    (kind == mode::REGULAR).then_some((real, probe(block, Offset::SbMagic)?))
}

/// The `struct file` that a descriptor refers to, read by probing.
#[inline(always)]
fn probed_file(table: *const u8, descriptor: u32) -> Option<*const u8> {
    let size: u32 = probe(table, Offset::FdtMax)?;
    if descriptor >= size {
        return None;
    }
    let files: *const u8 = probe(table, Offset::FdtFd)?;
    let file: *const u8 = probe_at(files.wrapping_add(8 * descriptor as usize))?;
    (!file.is_null()).then_some(file)
}

/// How the kernel took the payload of a message whose sender asked for `MSG_ZEROCOPY`.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Sent {
    Copied,
    Pinned,
    /// The route of each datagram decides (`__ip_append_data`, net/ipv4/ip_output.c), or the address
    /// family is not one that we know.
    Unknown,
}

impl Sent {
    /// The answer for the socket behind a descriptor.
    #[inline(always)]
    pub(crate) fn on_request(current: &CurrentTask, descriptor: u32) -> Sent {
        if may_have_changed(current, descriptor) {
            return Sent::Unknown;
        }
        Sent::probed(current.task, descriptor)
    }

    #[inline(never)]
    fn probed(task: *const u8, descriptor: u32) -> Sent {
        match socket(task, descriptor).and_then(|socket| probe(socket, Offset::SocketSock)) {
            Some(sock) => Sent::by(sock),
            None => Sent::Unknown,
        }
    }

    /// The answer for a `struct sock`: without `SO_ZEROCOPY` the socket ignores the request, and a
    /// stream pins if its device can gather a packet from pages (`tcp_sendmsg_locked`,
    /// net/ipv4/tcp.c).
    #[inline(always)]
    pub(crate) fn by(sock: *const u8) -> Sent {
        // NETIF_F_SG (include/linux/netdev_features.h).
        const GATHERS: u64 = 1;
        if !present(Offset::SockFlags) || !present(Offset::BitZerocopy) {
            return Sent::Unknown;
        }
        let allowed = 1 << (offset(Offset::BitZerocopy) & 63);
        match probe::<u64>(sock, Offset::SockFlags) {
            Some(flags) if flags & allowed == 0 => return Sent::Copied,
            Some(_) if present(Offset::SockType) && present(Offset::SockDevice) => {}
            _ => return Sent::Unknown,
        }
        let is_stream = probe::<u16>(sock, Offset::SockType) == Some(STREAM as u16);
        let device = probe::<u64>(sock, Offset::SockDevice).unwrap_or(0);
        if is_stream && device & GATHERS != 0 {
            Sent::Pinned
        } else {
            Sent::Unknown
        }
    }
}

/// `SOCK_STREAM` (include/linux/net.h).
pub(crate) const STREAM: u32 = 1;

/// The type of the socket behind a descriptor, such as `SOCK_STREAM`; `None` if another thread has closed or
/// replaced it meanwhile.
#[inline(always)]
pub(crate) fn socket_type(current: &CurrentTask, descriptor: u32) -> Option<u32> {
    if may_have_changed(current, descriptor) {
        return None;
    }
    probed_socket_type(current.task, descriptor)
}

#[inline(never)]
fn probed_socket_type(task: *const u8, descriptor: u32) -> Option<u32> {
    probe::<u16>(socket(task, descriptor)?, Offset::SocketType).map(u32::from)
}

/// The `struct socket` behind a descriptor. The caller knows that it is a socket, because the system
/// call on it succeeded.
#[inline(always)]
fn socket(task: *const u8, descriptor: u32) -> Option<*const u8> {
    let files: *const u8 = probe(task, Offset::TaskFiles)?;
    let table: *const u8 = probe(files, Offset::FilesFdt)?;
    probe(probed_file(table, descriptor)?, Offset::FilePrivate)
}
