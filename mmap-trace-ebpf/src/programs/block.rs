//! Bytes queued to the block device of the work directory's file system.
//!
//! A bio carries no inode, but its pages do: file data finds its owner through the page cache,
//! anonymous pages belong to O_DIRECT of the task that queues them, the rest is journal and metadata.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use mmap_trace_ebpf::{
    counters::Counter,
    offsets::{Offset, Parameter},
};

use super::turns::twice;
use crate::{
    fields::{load, parameter, present, probe, probe_at},
    here::{Here, count, current_row},
    maps::INODE_TABLE,
    pages::{Probed, regular},
};

/// `REQ_OP_MASK` and the two operations that move data (include/linux/blk_types.h).
const OPERATION_MASK: u32 = 0xff;
const OPERATION_READ: u32 = 0;
const OPERATION_WRITE: u32 = 1;
/// Low bits of `page.mapping`: anonymous or movable memory (include/linux/page-flags.h).
const MAPPING_FLAGS: u64 = 3;
/// `sizeof(struct bio_vec)`.
const VECTOR_BYTES: usize = 16;

twice! {
    /// tp_btf `block_bio_queue(bio)`: once per bio, in the task that submits it.
    btf_tracepoint(function = "block_bio_queue"): bio_queue, bio_queue_second at BioQueue => queued;
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

/// What the first page of a bio is.
enum Content {
    /// A page of this inode's cache, which may be the block device's own.
    Cache(*const u8),
    /// Memory of a program.
    Anonymous,
    /// Neither: buffers of the journal.
    Unknown,
}

#[inline(always)]
fn content(bio: *const u8) -> Content {
    mapping(bio).map_or(Content::Unknown, |mapping| {
        if mapping & MAPPING_FLAGS != 0 {
            return Content::Anonymous;
        }
        probe(mapping as *const u8, Offset::MappingHost).map_or(Content::Unknown, Content::Cache)
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
    let mapping: u64 = probe_at(page.wrapping_add(crate::fields::offset(Offset::FolioMapping)))?;
    (mapping != 0).then_some(mapping)
}

/// The first page of the folio that a page belongs to: `_compound_head` (include/linux/page-flags.h).
///
/// In a tail page the word is odd and says where the head is: by its address, or, where it is called
/// `compound_info`, by a mask for the page's own address. A mask leaves out as many bytes of `struct page`
/// as a folio has; no address lies so close to the end of the address space.
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

/// Reading happens in the context of the task that waits for it, or that reads ahead.
#[inline(always)]
fn read(content: Content, bytes: u64) {
    let is_data = match content {
        Content::Cache(inode) => regular::<Probed>(inode).is_some(),
        Content::Anonymous => true,
        Content::Unknown => false,
    };
    match Here::current() {
        Some(here) if is_data => here.count(Counter::BlockRead, bytes),
        _ => other(bytes),
    }
}

#[inline(always)]
fn written(content: Content, bytes: u64) {
    if let Content::Cache(inode) = content
        && let Some(key) = regular::<Probed>(inode)
        && let Some(owner) = INODE_TABLE.get_ptr(key)
    {
        // SAFETY: a map value.
        count(unsafe { (*owner).row }, Counter::BlockWritten, bytes);
        return;
    }
    // O_DIRECT from anonymous memory, or from a mapping of a file that nobody dirtied.
    let direct = !matches!(content, Content::Unknown) && !is_metadata(&content);
    match Here::current() {
        Some(here) if direct => here.count(Counter::BlockWritten, bytes),
        _ => other(bytes),
    }
}

#[inline(always)]
fn is_metadata(content: &Content) -> bool {
    match content {
        Content::Cache(inode) => regular::<Probed>(*inode).is_none(),
        Content::Anonymous | Content::Unknown => false,
    }
}

/// Journal, metadata and other programs: in the row of whatever the first process is doing.
#[inline(always)]
fn other(bytes: u64) {
    count(current_row(0), Counter::BlockOther, bytes);
}
