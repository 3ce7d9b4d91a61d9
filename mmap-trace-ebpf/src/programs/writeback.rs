//! Pages that enter the cache, become dirty, are written back or thrown away.
//!
//! Pages are counted by folio size, not by event. The inode remembers the row that dirtied it last,
//! so that what a kworker writes later, perhaps after the program has gone, still finds its owner.

use aya_ebpf::{
    macros::{btf_tracepoint, fentry},
    programs::{BtfTracePointContext, FEntryContext},
};
use mmap_trace_ebpf::{
    counters::Counter,
    files::mode,
    offsets::{Offset, Parameter},
    tables::{InodeKey, InodeOwner},
};

use crate::{
    fields::{load, offset, parameter, present, probe},
    here::{Here, count, member},
    maps::INODE_TABLE,
};

/// tp_btf `writeback_dirty_folio(folio, mapping)`.
#[btf_tracepoint(function = "writeback_dirty_folio")]
pub(crate) fn dirty_folio(ctx: BtfTracePointContext) -> i32 {
    let (folio, mapping): (*const u8, *const u8) = (ctx.arg(0), ctx.arg(1));
    if folio.is_null() || mapping.is_null() {
        return 0;
    }
    let Some(here) = Here::current() else {
        return 0;
    };
    let inode: *const u8 = load(mapping, Offset::MappingHost);
    if let Some(key) = regular(inode) {
        let pages = folio_pages(folio);
        here.count(Counter::PagesDirtied, pages);
        own(&here, &key, pages);
    }
    0
}

/// Makes the current row the owner of what is written from now on.
#[inline(always)]
fn own(here: &Here, key: &InodeKey, pages: u64) {
    if let Some(owner) = INODE_TABLE.get_ptr_mut(key) {
        // SAFETY: a map value; see `InodeOwner` for who writes which field.
        let owner = unsafe { &mut *owner };
        let clean = owner.dirtied_pages <= owner.written_pages + owner.cleaned_pages;
        if clean {
            owner.shared = 0;
        } else if owner.row != here.row {
            owner.shared = 1;
        }
        owner.row = here.row;
        owner.dirtied_pages += pages;
        return;
    }
    let owner = InodeOwner {
        dirtied_pages: pages,
        written_pages: 0,
        cleaned_pages: 0,
        row: here.row,
        shared: 0,
    };
    if INODE_TABLE.insert(key, owner, 0).is_err() {
        here.count(Counter::LostInodes, 1);
    }
}

/// tp_btf `ext4_writepages_result(inode, wbc, ret, pages_written)`.
#[btf_tracepoint(function = "ext4_writepages_result")]
pub(crate) fn ext4_written(ctx: BtfTracePointContext) -> i32 {
    let inode: *const u8 = ctx.arg(0);
    let pages: i32 = ctx.arg(3);
    if !inode.is_null()
        && pages > 0
        && let Some(key) = regular(inode)
    {
        written(&key, pages as u64);
    }
    0
}

/// fentry `__folio_start_writeback(folio, keep_write)`: any file system.
#[fentry]
pub(crate) fn folio_written(ctx: FEntryContext) -> u32 {
    let folio: *const u8 = ctx.arg(0);
    if folio.is_null() {
        return 0;
    }
    let mapping: *const u8 = load(folio, Offset::FolioMapping);
    if mapping.is_null() {
        return 0;
    }
    let inode: *const u8 = load(mapping, Offset::MappingHost);
    if let Some(key) = regular(inode) {
        written(&key, folio_pages(folio));
    }
    0
}

#[inline(always)]
fn written(key: &InodeKey, pages: u64) {
    let Some(owner) = INODE_TABLE.get_ptr_mut(key) else {
        return;
    };
    // SAFETY: a map value; see `InodeOwner`.
    let owner = unsafe { &mut *owner };
    owner.written_pages += pages;
    let counter = if owner.shared != 0 {
        Counter::PagesWrittenShared
    } else if member().is_some() {
        Counter::PagesWrittenProcess
    } else {
        Counter::PagesWrittenFlusher
    };
    count(owner.row, counter, pages);
}

/// tp_btf `ext4_invalidate_folio(folio, offset, length)`: truncation, before the folio is cleaned.
#[btf_tracepoint(function = "ext4_invalidate_folio")]
pub(crate) fn ext4_invalidated(ctx: BtfTracePointContext) -> i32 {
    let folio: *const u8 = ctx.arg(0);
    let (from, length): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    if folio.is_null() {
        return 0;
    }
    let pages = folio_pages(folio);
    let whole = from == 0 && length == pages * u64::from(parameter(Parameter::PageBytes));
    if !whole || folio_flags(folio) & (1 << offset(Offset::BitDirty)) == 0 {
        return 0;
    }
    let mapping: *const u8 = load(folio, Offset::FolioMapping);
    if mapping.is_null() {
        return 0;
    }
    let inode: *const u8 = load(mapping, Offset::MappingHost);
    if let Some(key) = regular(inode)
        && let Some(owner) = INODE_TABLE.get_ptr_mut(key)
    {
        // SAFETY: a map value; see `InodeOwner`.
        let owner = unsafe { &mut *owner };
        owner.cleaned_pages += pages;
        count(owner.row, Counter::PagesCleanedUnwritten, pages);
    }
    0
}

/// tp_btf `ext4_free_inode(inode)`: its number may be used again.
#[btf_tracepoint(function = "ext4_free_inode")]
pub(crate) fn ext4_freed(ctx: BtfTracePointContext) -> i32 {
    let inode: *const u8 = ctx.arg(0);
    if !inode.is_null()
        && let Some(key) = regular(inode)
    {
        let _ = INODE_TABLE.remove(key);
    }
    0
}

/// tp_btf `mm_filemap_add_to_page_cache(folio)`.
#[btf_tracepoint(function = "mm_filemap_add_to_page_cache")]
pub(crate) fn cache_added(ctx: BtfTracePointContext) -> i32 {
    let folio: *const u8 = ctx.arg(0);
    if folio.is_null() {
        return 0;
    }
    let Some(here) = Here::current() else {
        return 0;
    };
    let mapping: *const u8 = load(folio, Offset::FolioMapping);
    if mapping.is_null() {
        return 0;
    }
    let inode: *const u8 = load(mapping, Offset::MappingHost);
    if regular(inode).is_some() {
        here.count(Counter::CacheAddedPages, folio_pages(folio));
    }
    0
}

/// tp_btf `mm_filemap_map_pages(mapping, index, last_index)`: the range that fault-around looked at.
#[btf_tracepoint(function = "mm_filemap_map_pages")]
pub(crate) fn mapped_around(ctx: BtfTracePointContext) -> i32 {
    let (first, last): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    if let Some(here) = Here::current()
        && last >= first
    {
        here.count(Counter::PagesMappedAround, last - first + 1);
    }
    0
}

/// Identity of an inode if it is a regular file. The block device's own inode holds metadata.
#[inline(always)]
pub(super) fn regular(inode: *const u8) -> Option<InodeKey> {
    if inode.is_null() {
        return None;
    }
    let kind = u32::from(load::<u16>(inode, Offset::InodeMode)) & mode::FORMAT;
    if kind != mode::REGULAR {
        return None;
    }
    let block: *const u8 = load(inode, Offset::InodeSb);
    if block.is_null() {
        return None;
    }
    Some(InodeKey {
        number: load(inode, Offset::InodeIno),
        device: load(block, Offset::SbDev),
        generation: load(inode, Offset::InodeGeneration),
    })
}

/// The same where the verifier does not know the struct.
#[inline(always)]
pub(super) fn regular_probed(inode: *const u8) -> Option<InodeKey> {
    let kind = u32::from(probe::<u16>(inode, Offset::InodeMode)?) & mode::FORMAT;
    if kind != mode::REGULAR {
        return None;
    }
    let block: *const u8 = probe(inode, Offset::InodeSb)?;
    Some(InodeKey {
        number: probe(inode, Offset::InodeIno)?,
        device: probe(block, Offset::SbDev)?,
        generation: probe(inode, Offset::InodeGeneration)?,
    })
}

#[inline(always)]
fn folio_flags(folio: *const u8) -> u64 {
    load(folio, Offset::FolioFlags)
}

/// `folio_nr_pages` (include/linux/mm.h).
#[inline(always)]
fn folio_pages(folio: *const u8) -> u64 {
    let large = folio_flags(folio) & (1 << offset(Offset::BitHead)) != 0;
    if large && present(Offset::FolioPages) {
        u64::from(load::<u32>(folio, Offset::FolioPages))
    } else {
        1
    }
}
