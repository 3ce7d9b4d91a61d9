//! Folios and inodes: through typed pointers where the verifier knows their structs, else by probing.

use mmap_trace_ebpf::{
    files::{magic, mode},
    offsets::{Injected, Offset, Parameter},
    tables::InodeKey,
};

use crate::fields::{injected, load, offset, parameter, present, probe};

/// How the fields of a kernel struct are read.
pub(crate) trait Access {
    /// Reads a field; `None` if the address faults.
    fn get<T>(base: *const u8, field: Offset) -> Option<T>;
}

/// For pointers whose struct the verifier knows: the arguments of tp_btf, fentry and fexit programs.
pub(crate) struct Typed;

/// For pointers that are mere numbers to the verifier: the arguments of raw tracepoints, and every
/// pointer that was read by probing.
pub(crate) struct Probed;

impl Access for Typed {
    #[inline(always)]
    fn get<T>(base: *const u8, field: Offset) -> Option<T> {
        Some(load(base, field))
    }
}

impl Access for Probed {
    #[inline(always)]
    fn get<T>(base: *const u8, field: Offset) -> Option<T> {
        probe(base, field)
    }
}

/// The inode that holds the metadata of btrfs. On some kernels, such as 6.18, its mode is that of a regular file.
const BTRFS_BTREE: u64 = 1;

/// The identity of an inode if it is a regular file. What holds the metadata of a file system, such as the
/// block device's own inode, does not count as one.
#[inline(always)]
pub(crate) fn regular_file<A: Access>(inode: *const u8) -> Option<InodeKey> {
    if inode.is_null() {
        return None;
    }
    let kind = u32::from(A::get::<u16>(inode, Offset::InodeMode)?) & mode::FORMAT;
    if kind != mode::REGULAR {
        return None;
    }
    let block: *const u8 = A::get(inode, Offset::InodeSb)?;
    if block.is_null() {
        return None;
    }
    let number = A::get(inode, Offset::InodeIno)?;
    if number == BTRFS_BTREE && A::get::<u64>(block, Offset::SbMagic)? == magic::BTRFS {
        return None;
    }
    Some(InodeKey {
        number,
        device: A::get(block, Offset::SbDev)?,
        generation: A::get(inode, Offset::InodeGeneration)?,
    })
}

/// The regular file to whose page cache a folio belongs.
#[inline(always)]
pub(crate) fn file_of<A: Access>(folio: *const u8) -> Option<InodeKey> {
    let mapping: *const u8 = A::get(folio, Offset::FolioMapping)?;
    if mapping.is_null() {
        return None;
    }
    regular_file::<A>(A::get(mapping, Offset::MappingHost)?)
}

#[inline(always)]
pub(crate) fn is_dirty<A: Access>(folio: *const u8) -> bool {
    flags::<A>(folio) & (1 << offset(Offset::BitDirty)) != 0
}

/// The number of pages in a folio: `folio_nr_pages` (include/linux/mm.h).
#[inline(always)]
pub(crate) fn pages<A: Access>(folio: *const u8) -> u64 {
    let large = flags::<A>(folio) & (1 << offset(Offset::BitHead)) != 0;
    if large && present(Offset::FolioPages) && !injected(Injected::FolioIsOnePage) {
        A::get::<u32>(folio, Offset::FolioPages).map_or(1, u64::from)
    } else {
        1
    }
}

/// The number of pages that these bytes take.
#[inline(always)]
pub(crate) fn pages_in(bytes: u64) -> u64 {
    bytes.div_ceil(u64::from(parameter(Parameter::PageBytes)).max(1))
}

#[inline(always)]
fn flags<A: Access>(folio: *const u8) -> u64 {
    A::get(folio, Offset::FolioFlags).unwrap_or(0)
}
