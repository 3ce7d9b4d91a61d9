//! Measures the fault-around window, from which the bounds of lessons follow.

use std::{
    fs::File,
    io::Write as _,
    os::{fd::AsFd as _, unix::fs::FileExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use memmap2::MmapOptions;

/// Large enough for any window in use; fault-around never leaves the 2 MiB of one page table.
const FILE_BYTES: usize = 2 << 20;
/// Fault-around leaves out a page that happens to be locked (`next_uptodate_folio`, mm/filemap.c), so one
/// fault may map less than the window, but never more.
const ATTEMPTS: usize = 3;
/// Bit of a pagemap entry: the page is mapped (Documentation/admin-guide/mm/pagemap.rst).
const PRESENT: u64 = 1 << 63;

/// How many bytes one read fault maps of a file that is in the page cache in small folios.
pub fn measure(directory: &Path, page_bytes: usize) -> Result<u64> {
    let mut file = tempfile::tempfile_in(directory).context("tempfile()")?;
    let page = vec![1; page_bytes];
    for _ in 0..FILE_BYTES / page_bytes {
        file.write_all(&page).context("write(probe file)")?;
    }
    // The file must start at a 2 MiB boundary, because fault-around never crosses one.
    let mut reservation = MmapOptions::new();
    let reservation = reservation
        .len(2 * FILE_BYTES)
        .map_anon()
        .context("mmap(reservation)")?;
    let start = reservation.as_ptr().addr().next_multiple_of(FILE_BYTES);
    let mut pages = 0;
    for _ in 0..ATTEMPTS {
        let mapped = map_at(&file, start)?;
        // SAFETY: inside the new mapping, and the file has this byte.
        unsafe { std::ptr::read_volatile(mapped.add(FILE_BYTES / 2)) };
        pages = pages.max(present_pages(start, FILE_BYTES / page_bytes, page_bytes)?);
    }
    drop(reservation);
    Ok(pages * page_bytes as u64)
}

/// Maps the file over part of the reservation, which unmaps it when dropped.
fn map_at(file: &File, start: usize) -> Result<*const u8> {
    let length = std::num::NonZeroUsize::new(FILE_BYTES).context("the probe file has a size")?;
    // SAFETY: MAP_FIXED replaces memory that the caller has reserved and does not use.
    let mapped = unsafe {
        nix::sys::mman::mmap(
            std::num::NonZeroUsize::new(start),
            length,
            nix::sys::mman::ProtFlags::PROT_READ,
            nix::sys::mman::MapFlags::MAP_SHARED | nix::sys::mman::MapFlags::MAP_FIXED,
            file.as_fd(),
            0,
        )
    }
    .context("mmap(probe file)")?;
    Ok(mapped.as_ptr().cast_const().cast())
}

fn present_pages(start: usize, pages: usize, page_bytes: usize) -> Result<u64> {
    let pagemap = File::open("/proc/self/pagemap").context("open(pagemap)")?;
    let mut entries = vec![0; 8 * pages];
    pagemap
        .read_exact_at(&mut entries, (start / page_bytes * 8) as u64)
        .context("read(pagemap)")?;
    let present = entries
        .chunks_exact(8)
        .filter(|entry| {
            let mut word = [0; 8];
            word.copy_from_slice(entry);
            u64::from_ne_bytes(word) & PRESENT != 0
        })
        .count();
    Ok(present as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_a_power_of_two_of_at_least_one_page() {
        let bytes = measure(Path::new("/var/tmp"), 4096).unwrap();
        assert!(bytes >= 4096 && bytes.is_power_of_two(), "{bytes}");
    }
}
