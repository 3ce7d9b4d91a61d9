//! Empties and fills the page cache for one file, and asks what it holds.

use std::fs::File;
use std::io::{Read, Seek};
use std::num::NonZeroUsize;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{PosixFadviseAdvice, posix_fadvise};
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};

use crate::page_bytes;

/// Asks the kernel to drop the file from the page cache, which also writes its dirty pages.
/// [`resident_pages`] tells whether it did.
pub fn evict(file: &File) -> Result<()> {
    // Pages on their way to the LRU lists have an extra reference, which keeps them for a moment longer.
    for _ in 0..50 {
        file.sync_all().context("fsync")?;
        posix_fadvise(file, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)
            .context("posix_fadvise(POSIX_FADV_DONTNEED)")?;
        if resident_pages(file, file_bytes(file)?)? == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// Reads the whole file, and returns to its beginning.
///
/// Readahead brings in what was missing, so it lies in large folios where the kernel has them.
pub fn warm(file: &File) -> Result<()> {
    let mut reader = file;
    let mut buffer = vec![0; 64 << 10];
    reader.rewind().context("lseek")?;
    while reader.read(&mut buffer).context("read")? > 0 {}
    reader.rewind().context("lseek")
}

/// Counts the pages of the first `bytes` of the file that are in the page cache, with `mincore(2)`.
///
/// Since Linux 5.2 the call tells the truth only to the file's owner and to those who may write it.
pub fn resident_pages(file: &File, bytes: usize) -> Result<u64> {
    let Some(length) = NonZeroUsize::new(bytes) else {
        return Ok(0);
    };
    let mut present = vec![0_u8; bytes.div_ceil(page_bytes())];
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let mapping = unsafe {
        mmap(
            None,
            length,
            ProtFlags::PROT_NONE,
            MapFlags::MAP_PRIVATE,
            file,
            0,
        )
    }
    .context("mmap for mincore")?;
    // SAFETY: the mapping has `bytes` bytes, and `present` one byte for each of its pages.
    let answer = unsafe { libc::mincore(mapping.as_ptr(), bytes, present.as_mut_ptr()) };
    let asked = Errno::result(answer);
    // SAFETY: exactly what was mapped above, and no reference to it exists.
    unsafe { munmap(mapping, bytes) }.context("munmap")?;
    asked.context("mincore")?;
    Ok(present.iter().map(|page| u64::from(page & 1)).sum())
}

fn file_bytes(file: &File) -> Result<usize> {
    let bytes = file.metadata().context("fstat")?.len();
    usize::try_from(bytes).context("the file is larger than memory can address")
}
