//! What ext4 reports: pages written back, dirty pages discarded, and inode numbers that become free.
//!
//! Each handler has two pairs of programs. Where ext4 is part of the kernel image, the arguments of
//! its tracepoints have types. Where it is a module, as on generic distribution kernels, the programs
//! attach to raw tracepoints by name and read the structs by probing.

use aya_ebpf::{
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use mmap_trace_ebpf::offsets::Parameter;

use super::{
    backups::with_backup,
    writeback::{discarded, written},
};
use crate::{
    fields::parameter,
    maps::INODE_TABLE,
    pages::{Access, Probed, Typed, file_of, is_dirty, pages, regular_file},
};

with_backup! {
    /// tp_btf `ext4_writepages_result(inode, wbc, ret, pages_written)`.
    btf_tracepoint(function = "ext4_writepages_result"): ext4_written, ext4_written_backup
        => |ctx| writepages_result::<Typed>(ctx.arg(0), ctx.arg(3));
    /// raw_tp `ext4_writepages_result`, where ext4 is a module.
    raw_tracepoint(tracepoint = "ext4_writepages_result"): ext4_written_raw, ext4_written_raw_backup
        => |ctx| writepages_result::<Probed>(ctx.arg(0), ctx.arg(3));

    /// tp_btf `ext4_invalidate_folio(folio, offset, length)`: truncation, before the folio is cleaned.
    btf_tracepoint(function = "ext4_invalidate_folio"): ext4_invalidated, ext4_invalidated_backup
        => |ctx| invalidate_folio::<Typed>(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    /// raw_tp `ext4_invalidate_folio`, where ext4 is a module.
    raw_tracepoint(tracepoint = "ext4_invalidate_folio"): ext4_invalidated_raw, ext4_invalidated_raw_backup
        => |ctx| invalidate_folio::<Probed>(ctx.arg(0), ctx.arg(1), ctx.arg(2));

    /// tp_btf `ext4_free_inode(inode)`: a new file may get its number.
    btf_tracepoint(function = "ext4_free_inode"): ext4_freed, ext4_freed_backup
        => |ctx| free_inode::<Typed>(ctx.arg(0));
    /// raw_tp `ext4_free_inode`, where ext4 is a module.
    raw_tracepoint(tracepoint = "ext4_free_inode"): ext4_freed_raw, ext4_freed_raw_backup
        => |ctx| free_inode::<Probed>(ctx.arg(0));
}

#[inline(always)]
fn writepages_result<A: Access>(inode: *const u8, pages: i32) {
    if pages > 0
        && let Some(key) = regular_file::<A>(inode)
    {
        written(&key, pages as u64);
    }
}

#[inline(always)]
fn invalidate_folio<A: Access>(folio: *const u8, from: u64, length: u64) {
    if folio.is_null() {
        return;
    }
    let pages = pages::<A>(folio);
    let is_whole = from == 0 && length == pages * u64::from(parameter(Parameter::PageBytes));
    if is_whole
        && is_dirty::<A>(folio)
        && let Some(key) = file_of::<A>(folio)
    {
        discarded(&key, pages);
    }
}

#[inline(always)]
fn free_inode<A: Access>(inode: *const u8) {
    if let Some(key) = regular_file::<A>(inode) {
        let _ = INODE_TABLE.remove(key);
    }
}
