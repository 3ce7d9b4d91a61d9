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
    offsets::Offset,
    tables::{InodeKey, InodeOwner},
};

use super::turns::twice;
use crate::{
    fields::load,
    here::{Here, count, member},
    maps::INODE_TABLE,
    pages::{Typed, file_of, pages, regular},
};

twice! {
    /// tp_btf `writeback_dirty_folio(folio, mapping)`.
    btf_tracepoint(function = "writeback_dirty_folio"): dirty_folio, dirty_folio_second
        at DirtyFolio => became_dirty;

    /// tp_btf `mm_filemap_add_to_page_cache(folio)`.
    btf_tracepoint(function = "mm_filemap_add_to_page_cache"): cache_added, cache_added_second
        at CacheAdded => added;

    /// tp_btf `mm_filemap_map_pages(mapping, index, last_index)`: the range that fault-around looked at.
    btf_tracepoint(function = "mm_filemap_map_pages"): mapped_around, mapped_around_second
        at MappedAround => looked_at;
}

#[inline(always)]
fn became_dirty(ctx: &BtfTracePointContext) {
    let (folio, mapping): (*const u8, *const u8) = (ctx.arg(0), ctx.arg(1));
    if folio.is_null() || mapping.is_null() {
        return;
    }
    let Some(here) = Here::current() else { return };
    if let Some(key) = regular::<Typed>(load(mapping, Offset::MappingHost)) {
        let pages = pages::<Typed>(folio);
        here.count(Counter::PagesDirtied, pages);
        own(&here, &key, pages);
    }
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

/// fentry `__folio_start_writeback(folio, keep_write)`: any file system.
#[fentry]
pub(crate) fn folio_written(ctx: FEntryContext) -> u32 {
    let folio: *const u8 = ctx.arg(0);
    if folio.is_null() {
        return 0;
    }
    if let Some(key) = file_of::<Typed>(folio) {
        written(&key, pages::<Typed>(folio));
    }
    0
}

/// Pages written back, by whoever does it.
#[inline(always)]
pub(super) fn written(key: &InodeKey, pages: u64) {
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

/// Dirty pages that will never be written.
#[inline(always)]
pub(super) fn thrown_away(key: &InodeKey, pages: u64) {
    if let Some(owner) = INODE_TABLE.get_ptr_mut(key) {
        // SAFETY: a map value; see `InodeOwner`.
        let owner = unsafe { &mut *owner };
        owner.cleaned_pages += pages;
        count(owner.row, Counter::PagesCleanedUnwritten, pages);
    }
}

#[inline(always)]
fn added(ctx: &BtfTracePointContext) {
    let folio: *const u8 = ctx.arg(0);
    if folio.is_null() {
        return;
    }
    let Some(here) = Here::current() else { return };
    if file_of::<Typed>(folio).is_some() {
        here.count(Counter::CacheAddedPages, pages::<Typed>(folio));
    }
}

#[inline(always)]
fn looked_at(ctx: &BtfTracePointContext) {
    let (first, last): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    if let Some(here) = Here::current()
        && last >= first
    {
        here.count(Counter::PagesMappedAround, last - first + 1);
    }
}
