//! What iomap reports, through which xfs writes back.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};

use super::{backups::with_backup, writeback::written};
use crate::pages::{Typed, pages_in, regular_file};

with_backup! {
    /// tp_btf `iomap_writeback_folio(inode, position, bytes)`: once per folio, with its size
    /// (fs/iomap/buffered-io.c).
    btf_tracepoint(function = "iomap_writeback_folio"): iomap_written, iomap_written_backup
        => writeback_folio;
}

#[inline(always)]
fn writeback_folio(ctx: &BtfTracePointContext) {
    let (inode, bytes): (*const u8, u64) = (ctx.arg(0), ctx.arg(2));
    if let Some(key) = regular_file::<Typed>(inode) {
        written(&key, pages_in(bytes));
    }
}
