//! What btrfs reports of its writeback: an ordered extent for each range of a file that it begins to write,
//! compressed or not. Only the content of a tiny file that fits into its metadata has none.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::offsets::{Offset, Parameter};

use super::{backups::with_backup, writeback::written};
use crate::{
    fields::{load, offset, parameter},
    pages::{Typed, pages, pages_in, regular_file},
};

/// `BTRFS_ORDERED_DIRECT`: O_DIRECT, which no page of the page cache takes part in (fs/btrfs/ordered-data.h).
const DIRECT: u64 = 1 << 4;

with_backup! {
    /// tp_btf `btrfs_ordered_extent_add(inode, ordered)`.
    btf_tracepoint(function = "btrfs_ordered_extent_add"): btrfs_ordered, btrfs_ordered_backup
        => |ctx| ordered(ctx.arg(0), ctx.arg(1));

    /// tp_btf `extent_writepage(folio, inode, control)`: before btrfs decides how it writes the folio.
    btf_tracepoint(function = "extent_writepage"): btrfs_folio, btrfs_folio_backup
        => |ctx| folio_taken(ctx.arg(0), ctx.arg(1));
}

#[inline(always)]
fn ordered(inode: *const u8, extent: *const u8) {
    if inode.is_null()
        || extent.is_null()
        || load::<u64>(extent, Offset::OrderedFlags) & DIRECT != 0
    {
        return;
    }
    let inode = inode.wrapping_add(offset(Offset::BtrfsVfsInode));
    if is_one_page(inode) {
        return;
    }
    if let Some(key) = regular_file::<Typed>(inode) {
        written(&key, pages_in(load(extent, Offset::OrderedBytes)));
    }
}

/// Counts files of one page, which may get no ordered extent.
#[inline(always)]
fn folio_taken(folio: *const u8, inode: *const u8) {
    if folio.is_null() || inode.is_null() || !is_one_page(inode) {
        return;
    }
    if let Some(key) = regular_file::<Typed>(inode) {
        written(&key, pages::<Typed>(folio));
    }
}

#[inline(always)]
fn is_one_page(inode: *const u8) -> bool {
    load::<u64>(inode, Offset::InodeBytes) <= u64::from(parameter(Parameter::PageBytes))
}
