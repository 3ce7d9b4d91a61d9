//! Folios and inodes, read through types where the verifier knows them, by probing where it does not.

use mmap_trace_ebpf::{
    files::mode,
    offsets::{Injected, Offset},
    tables::InodeKey,
};

use crate::fields::{injected, load, offset, present, probe};

/// How a kernel struct is read.
pub(crate) trait Access {
    /// A field; `None` if the address faults.
    fn get<T>(base: *const u8, field: Offset) -> Option<T>;
}

/// Pointers that the verifier knows the struct of: arguments of tp_btf, fentry and fexit.
pub(crate) struct Typed;

/// Pointers that are numbers to the verifier: arguments of raw tracepoints, and what is behind them.
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

/// Identity of an inode if it is a regular file. The block device's own inode holds metadata.
#[inline(always)]
pub(crate) fn regular<A: Access>(inode: *const u8) -> Option<InodeKey> {
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
    Some(InodeKey {
        number: A::get(inode, Offset::InodeIno)?,
        device: A::get(block, Offset::SbDev)?,
        generation: A::get(inode, Offset::InodeGeneration)?,
    })
}

/// The regular file whose page cache a folio belongs to.
#[inline(always)]
pub(crate) fn file_of<A: Access>(folio: *const u8) -> Option<InodeKey> {
    let mapping: *const u8 = A::get(folio, Offset::FolioMapping)?;
    if mapping.is_null() {
        return None;
    }
    regular::<A>(A::get(mapping, Offset::MappingHost)?)
}

/// Whether a folio is dirty.
#[inline(always)]
pub(crate) fn is_dirty<A: Access>(folio: *const u8) -> bool {
    flags::<A>(folio) & (1 << offset(Offset::BitDirty)) != 0
}

/// `folio_nr_pages` (include/linux/mm.h).
#[inline(always)]
pub(crate) fn pages<A: Access>(folio: *const u8) -> u64 {
    let large = flags::<A>(folio) & (1 << offset(Offset::BitHead)) != 0;
    if large && present(Offset::FolioPages) && !injected(Injected::FolioIsOnePage) {
        A::get::<u32>(folio, Offset::FolioPages).map_or(1, u64::from)
    } else {
        1
    }
}

#[inline(always)]
fn flags<A: Access>(folio: *const u8) -> u64 {
    A::get(folio, Offset::FolioFlags).unwrap_or(0)
}
