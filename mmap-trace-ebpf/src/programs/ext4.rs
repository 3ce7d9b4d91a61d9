//! What ext4 tells: pages written back, thrown away, and inode numbers that become free.
//!
//! Each program exists twice. Where ext4 is part of the kernel image its tracepoints have types;
//! where it is a module, as on generic distribution kernels, they are reached as raw tracepoints by
//! name, and structs are read by probing.

use aya_ebpf::{
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use mmap_trace_ebpf::offsets::Parameter;

use super::{
    turns::twice,
    writeback::{thrown_away, written},
};
use crate::{
    fields::parameter,
    maps::INODE_TABLE,
    pages::{Access, Probed, Typed, file_of, is_dirty, pages, regular},
};

twice! {
    /// `ext4_writepages_result(inode, wbc, ret, pages_written)`.
    btf_tracepoint(function = "ext4_writepages_result"): ext4_written, ext4_written_second
        at Ext4Written => |ctx| writepages_result::<Typed>(ctx.arg(0), ctx.arg(3));
    /// The same of a module.
    raw_tracepoint(tracepoint = "ext4_writepages_result"): ext4_written_raw, ext4_written_raw_second
        at Ext4Written => |ctx| writepages_result::<Probed>(ctx.arg(0), ctx.arg(3));

    /// `ext4_invalidate_folio(folio, offset, length)`: truncation, before the folio is cleaned.
    btf_tracepoint(function = "ext4_invalidate_folio"): ext4_invalidated, ext4_invalidated_second
        at Ext4Invalidated => |ctx| invalidate_folio::<Typed>(ctx.arg(0), ctx.arg(1), ctx.arg(2));
    /// The same of a module.
    raw_tracepoint(tracepoint = "ext4_invalidate_folio"): ext4_invalidated_raw, ext4_invalidated_raw_second
        at Ext4Invalidated => |ctx| invalidate_folio::<Probed>(ctx.arg(0), ctx.arg(1), ctx.arg(2));

    /// `ext4_free_inode(inode)`: its number may be used again.
    btf_tracepoint(function = "ext4_free_inode"): ext4_freed, ext4_freed_second
        at Ext4Freed => |ctx| free_inode::<Typed>(ctx.arg(0));
    /// The same of a module.
    raw_tracepoint(tracepoint = "ext4_free_inode"): ext4_freed_raw, ext4_freed_raw_second
        at Ext4Freed => |ctx| free_inode::<Probed>(ctx.arg(0));
}

#[inline(always)]
fn writepages_result<A: Access>(inode: *const u8, pages: i32) {
    if pages > 0
        && let Some(key) = regular::<A>(inode)
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
    let whole = from == 0 && length == pages * u64::from(parameter(Parameter::PageBytes));
    if whole
        && is_dirty::<A>(folio)
        && let Some(key) = file_of::<A>(folio)
    {
        thrown_away(&key, pages);
    }
}

#[inline(always)]
fn free_inode<A: Access>(inode: *const u8) {
    if let Some(key) = regular::<A>(inode) {
        let _ = INODE_TABLE.remove(key);
    }
}
