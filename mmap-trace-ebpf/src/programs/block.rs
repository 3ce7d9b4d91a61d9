//! Bytes queued to the block device of the work directory's file system.
//!
//! A bio names no inode, but its pages do. Pages of the page cache lead to the inode and to the
//! scenario that dirtied it; anonymous pages come from O_DIRECT of the task that queues the bio;
//! everything else is journal and metadata.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Offset, Parameter},
};

use super::backups::with_backup;
use crate::{
    current_task::CurrentTask,
    fields::{load, offset, parameter, present, probe, probe_at},
    maps::INODE_TABLE,
    pages::{Probed, regular_file},
    rows::add,
    slots::current_row,
};

/// `REQ_OP_MASK` and the two operations that move data (include/linux/blk_types.h).
const OPERATION_MASK: u32 = 0xff;
const OPERATION_READ: u32 = 0;
const OPERATION_WRITE: u32 = 1;
/// Low bits of `page.mapping`: anonymous or movable memory (include/linux/page-flags.h).
const MAPPING_FLAGS: u64 = 3;
/// `sizeof(struct bio_vec)`.
const VECTOR_BYTES: usize = 16;

with_backup! {
    /// tp_btf `block_bio_queue(bio)`: once per bio, in the task that submits it (`submit_bio_noacct`,
    /// block/blk-core.c).
    btf_tracepoint(function = "block_bio_queue"): bio_queue, bio_queue_backup => queued;
}

#[inline(always)]
fn queued(ctx: &BtfTracePointContext) {
    let bio: *const u8 = ctx.arg(0);
    if bio.is_null() {
        return;
    }
    let device: *const u8 = load(bio, Offset::BioDevice);
    if device.is_null()
        || load::<u32>(device, Offset::BlockDeviceNumber) != parameter(Parameter::BlockDevice)
    {
        return;
    }
    let bytes = u64::from(load::<u32>(bio, Offset::BioBytes));
    match load::<u32>(bio, Offset::BioOperation) & OPERATION_MASK {
        OPERATION_READ => read(content(bio), bytes),
        OPERATION_WRITE => written(content(bio), bytes),
        _ => {}
    }
}

/// What the first page of a bio belongs to.
enum BioContent {
    /// The page cache of this inode, which may be the block device's own inode.
    Cache(*const u8),
    /// Anonymous memory of a program.
    Anonymous,
    /// Neither: buffers of the journal.
    Unknown,
}

#[inline(always)]
fn content(bio: *const u8) -> BioContent {
    mapping(bio).map_or(BioContent::Unknown, |mapping| {
        if mapping & MAPPING_FLAGS != 0 {
            return BioContent::Anonymous;
        }
        probe(mapping as *const u8, Offset::MappingHost)
            .map_or(BioContent::Unknown, BioContent::Cache)
    })
}

/// `folio->mapping` of the bio's first page; `None` if it has none.
#[inline(always)]
fn mapping(bio: *const u8) -> Option<u64> {
    let vectors: *const u8 = probe(bio, Offset::BioVectors)?;
    let index: u32 = probe(bio, Offset::BioIndex)?;
    let vector = vectors.wrapping_add(index as usize * VECTOR_BYTES);
    let mut page: *const u8 = probe(vector, Offset::VectorPage)?;
    if present(Offset::PageCompoundHead) {
        page = head(page, probe(page, Offset::PageCompoundHead)?);
    }
    let mapping: u64 = probe_at(page.wrapping_add(offset(Offset::FolioMapping)))?;
    (mapping != 0).then_some(mapping)
}

/// The first page of the folio that a page belongs to: `_compound_head` (include/linux/page-flags.h).
///
/// In a tail page the word is odd and leads to the head: it holds the head's address, or, on kernels
/// that call it `compound_info`, a mask for the page's own address. A mask has zeros only for the
/// bytes of `struct page` that a folio takes, so it is larger than any address of a `struct page`.
#[inline(always)]
fn head(page: *const u8, word: u64) -> *const u8 {
    if word & 1 == 0 {
        page
    } else if word > u64::MAX << 32 {
        (page as u64 & word) as *const u8
    } else {
        (word - 1) as *const u8
    }
}

/// A read is queued by the task that waits for it or reads ahead.
#[inline(always)]
fn read(content: BioContent, bytes: u64) {
    let is_data = match content {
        BioContent::Cache(inode) => regular_file::<Probed>(inode).is_some(),
        BioContent::Anonymous => true,
        BioContent::Unknown => false,
    };
    match CurrentTask::if_traced() {
        Some(current) if is_data => current.add(Counter::BlockRead, bytes),
        _ => other(bytes),
    }
}

/// A write may be queued by anybody; it belongs to the scenario that dirtied the inode.
#[inline(always)]
fn written(content: BioContent, bytes: u64) {
    if let BioContent::Cache(inode) = content
        && let Some(key) = regular_file::<Probed>(inode)
        && let Some(owner) = INODE_TABLE.get_ptr(key)
    {
        // SAFETY: a map value.
        add(unsafe { (*owner).row }, Counter::BlockWritten, bytes);
        return;
    }
    // O_DIRECT from anonymous memory, or from a mapping of a file that no traced task dirtied.
    let is_direct = !matches!(content, BioContent::Unknown) && !is_metadata(&content);
    match CurrentTask::if_traced() {
        Some(current) if is_direct => current.add(Counter::BlockWritten, bytes),
        _ => other(bytes),
    }
}

#[inline(always)]
fn is_metadata(content: &BioContent) -> bool {
    match content {
        BioContent::Cache(inode) => regular_file::<Probed>(*inode).is_none(),
        BioContent::Anonymous | BioContent::Unknown => false,
    }
}

/// Journal, metadata and other programs: they count in the current row of the lesson's first process.
#[inline(always)]
fn other(bytes: u64) {
    add(current_row(0), Counter::BlockOther, bytes);
}
