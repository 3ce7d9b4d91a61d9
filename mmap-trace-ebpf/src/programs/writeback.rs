//! Pages that enter the page cache, become dirty, are written back or discarded.
//!
//! Events are weighted by folio size, so that the counts are pages. The inode table remembers the row
//! that dirtied an inode last, so that pages which a kworker writes later, perhaps after the program
//! has ended, still count for their scenario.

use aya_ebpf::{
    macros::{btf_tracepoint, fentry},
    programs::{BtfTracePointContext, FEntryContext},
};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::Offset,
    tables::{CONTROL_WATCHED, InodeKey, InodeOwner},
};

use super::backups::with_backup;
use crate::{
    current_task::{CurrentTask, row_if_traced},
    fields::load,
    kernel_log::explain,
    maps::{CONTROL, INODE_TABLE},
    pages::{Typed, file_of, pages, regular_file},
    rows::add,
};

with_backup! {
    /// tp_btf `writeback_dirty_folio(folio, mapping)`.
    btf_tracepoint(function = "writeback_dirty_folio"): dirty_folio, dirty_folio_backup => became_dirty;

    /// tp_btf `mm_filemap_add_to_page_cache(folio)`.
    btf_tracepoint(function = "mm_filemap_add_to_page_cache"): cache_added, cache_added_backup
        => entered_cache;

    /// tp_btf `mm_filemap_map_pages(mapping, index, last_index)`: the range that fault-around examined
    /// (`filemap_map_pages`, mm/filemap.c).
    btf_tracepoint(function = "mm_filemap_map_pages"): mapped_around, mapped_around_backup => examined;
}

#[inline(always)]
fn became_dirty(ctx: &BtfTracePointContext) {
    let (folio, mapping): (*const u8, *const u8) = (ctx.arg(0), ctx.arg(1));
    if folio.is_null() || mapping.is_null() {
        return;
    }
    let Some(current) = CurrentTask::if_traced() else {
        return;
    };
    let inode = load(mapping, Offset::MappingHost);
    if let Some(key) = regular_file::<Typed>(inode) {
        let pages = pages::<Typed>(folio);
        current.add(Counter::PagesDirtied, pages);
        if !is_watched(inode) {
            current.add(Counter::LostWriteback, pages);
        }
        take_ownership(&current, &key, pages);
    }
}

/// Whether the writeback of this inode's file system is counted.
#[inline(always)]
fn is_watched(inode: *const u8) -> bool {
    let watched = CONTROL.get(CONTROL_WATCHED).copied().unwrap_or(0);
    let block: *const u8 = load(inode, Offset::InodeSb);
    watched == 0 || block.is_null() || load::<u64>(block, Offset::SbMagic) == watched
}

/// Makes the current row the owner of what is written back of this inode from now on.
#[inline(always)]
fn take_ownership(current: &CurrentTask, key: &InodeKey, pages: u64) {
    if let Some(owner) = INODE_TABLE.get_ptr_mut(key) {
        // SAFETY: a map value; `InodeOwner` says who writes which field.
        let owner = unsafe { &mut *owner };
        let is_clean = owner.dirtied_pages <= owner.written_pages + owner.cleaned_pages;
        if is_clean {
            owner.shared = 0;
        } else if owner.row != current.row {
            owner.shared = 1;
        }
        owner.row = current.row;
        owner.dirtied_pages += pages;
        return;
    }
    let owner = InodeOwner {
        dirtied_pages: pages,
        written_pages: 0,
        cleaned_pages: 0,
        row: current.row,
        shared: 0,
    };
    if INODE_TABLE.insert(key, owner, 0).is_err() {
        explain!(
            "inode {}: the inode table is full, its writeback is not counted",
            key.number
        );
        current.add(Counter::LostInodes, 1);
    }
}

/// fentry `__folio_start_writeback(folio, keep_write)`: every file system calls it (mm/page-writeback.c).
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

/// Counts pages that any task wrote back.
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
    } else if row_if_traced().is_some() {
        Counter::PagesWrittenProcess
    } else {
        Counter::PagesWrittenFlusher
    };
    add(owner.row, counter, pages);
}

/// Counts dirty pages that will never be written.
#[inline(always)]
pub(super) fn discarded(key: &InodeKey, pages: u64) {
    if let Some(owner) = INODE_TABLE.get_ptr_mut(key) {
        // SAFETY: a map value; see `InodeOwner`.
        let owner = unsafe { &mut *owner };
        owner.cleaned_pages += pages;
        add(owner.row, Counter::PagesCleanedUnwritten, pages);
    }
}

#[inline(always)]
fn entered_cache(ctx: &BtfTracePointContext) {
    let folio: *const u8 = ctx.arg(0);
    if folio.is_null() {
        return;
    }
    let Some(current) = CurrentTask::if_traced() else {
        return;
    };
    if file_of::<Typed>(folio).is_some() {
        current.add(Counter::CacheAddedPages, pages::<Typed>(folio));
    }
}

#[inline(always)]
fn examined(ctx: &BtfTracePointContext) {
    let (first, last): (u64, u64) = (ctx.arg(1), ctx.arg(2));
    if let Some(current) = CurrentTask::if_traced()
        && last >= first
    {
        current.add(Counter::PagesMappedAround, last - first + 1);
    }
}
