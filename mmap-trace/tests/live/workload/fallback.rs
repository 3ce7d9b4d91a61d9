//! O_DIRECT on a file of ext4 without extents, which takes no direct write into a hole (`ext4_dio_write_iter`,
//! fs/ext4/file.c): the kernel copies.

use std::{fs::File, os::unix::fs::OpenOptionsExt as _};

use anyhow::{Context as _, Result, ensure};
use memmap2::{MmapMut, MmapOptions};

use super::{Play, Work, files::open};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("o-direct-into-holes", holes),
    ("o-direct-half-into-a-hole", half),
    ("o-direct-of-cached-pages", cached),
];

const BLOCK: usize = 4096;

pub(super) fn memory(blocks: usize) -> Result<MmapMut> {
    let mut memory = MmapOptions::new()
        .len(blocks * BLOCK)
        .map_anon()
        .context("mmap")?;
    memory.fill(3);
    Ok(memory)
}

/// An empty file of 64 blocks without extents; `None` where the file system is not ext4.
pub(super) fn without_extents(work: &Work, name: &str) -> Result<Option<File>> {
    /// `FS_EXTENT_FL` (include/uapi/linux/fs.h).
    const EXTENTS: u32 = 0x8_0000;
    let file = open(&work.path(name), libc::O_DIRECT)?;
    let flags = sys::file_flags(&file).unwrap_or(0);
    if flags & EXTENTS == 0 || sys::set_file_flags(&file, flags & !EXTENTS).is_err() {
        return Ok(None);
    }
    file.set_len((64 * BLOCK) as u64).context("ftruncate")?;
    Ok(Some(file))
}

fn holes(work: &mut Work) -> Result<()> {
    let Some(file) = without_extents(work, "holes")? else {
        return Ok(());
    };
    let blocks = work.random.between(1, 16);
    let mut memory = memory(blocks)?;
    for offset in [0, 20, 40] {
        let copied = sys::pwrite(&file, &memory, offset * BLOCK).context("pwrite")?;
        work.expected.add_from_user("page_cache", copied);
        // The blocks exist now.
        let direct = sys::pwrite(&file, &memory, offset * BLOCK).context("pwrite")?;
        work.expected.add("direct_written_bytes", direct);
        let read = sys::pread(&file, &mut memory, offset * BLOCK).context("pread")?;
        work.expected.add("direct_read_bytes", read);
    }
    // A hole is read without a copy, and without a device.
    let read = sys::pread(&file, &mut memory, 60 * BLOCK).context("pread")?;
    ensure!(read > 0, "the file has 64 blocks");
    work.expected.add("direct_read_bytes", read);
    Ok(())
}

/// One call begins over blocks that exist and ends in a hole.
fn half(work: &mut Work) -> Result<()> {
    let Some(file) = without_extents(work, "half")? else {
        return Ok(());
    };
    let (existing, hole) = (work.random.between(1, 8), work.random.between(1, 8));
    let first = memory(existing)?;
    let copied = sys::pwrite(&file, &first, 0).context("pwrite")?;
    work.expected.add_from_user("page_cache", copied);
    let both = memory(existing + hole)?;
    let written = sys::pwrite(&file, &both, 0).context("pwrite")?;
    ensure!(written == both.len(), "{written} of {} bytes", both.len());
    work.expected.add("direct_written_bytes", first.len());
    work.expected
        .add_from_user("page_cache", written - first.len());
    Ok(())
}

/// Pages in the page cache do not make a direct read a copy, nor does a buffered write before.
fn cached(work: &mut Work) -> Result<()> {
    let blocks = work.random.between(1, 16);
    let mut memory = memory(blocks)?;
    let path = work.path("cached-and-direct");
    let buffered = open(&path, 0)?;
    let written = sys::write(&buffered, &memory).context("write")?;
    work.expected.add_from_user("page_cache", written);
    let read = sys::pread(&buffered, &mut memory, 0).context("pread")?;
    work.expected.add_to_user("page_cache", read);
    let direct = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open(&path)
        .context("open(O_DIRECT)")?;
    // Kernels treat a read of a single block apart.
    for length in [BLOCK, memory.len(), BLOCK] {
        let read = sys::pread(&direct, &mut memory[..length], 0).context("pread(O_DIRECT)")?;
        work.expected.add("direct_read_bytes", read);
    }
    Ok(())
}
