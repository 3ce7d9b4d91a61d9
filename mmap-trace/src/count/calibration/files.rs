//! Steps on a file in the work directory. The first step writes the file page by page, so that its pages
//! are in small folios; the others do not change its length.

use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use memmap2::{MmapMut, MmapOptions};
use nix::{
    errno::Errno,
    fcntl::{OFlag, PosixFadviseAdvice, open, posix_fadvise},
    sys::{
        mman::{MapFlags, ProtFlags, mmap_anonymous, mprotect, munmap},
        stat::Mode,
        uio::{pread, pwrite},
    },
    unistd::{fsync, ftruncate},
};

use super::{
    bench::{BYTES, Bench, LARGE_BYTES, PAGES, errno, whole},
    memory::{load_each, store_each},
};

/// Writes page by page, then syncs to the device.
pub fn write_and_sync(bench: &Bench<'_>) -> nix::Result<()> {
    ftruncate(bench.file()?, 0)?;
    bench.measure(|| {
        write_pages(bench)?;
        fsync(bench.file()?)
    })
}

fn write_pages(bench: &Bench<'_>) -> nix::Result<()> {
    let page = bench.page_bytes as u64;
    bench.with_buffer(page, |buffer| {
        for number in 0..PAGES {
            let offset = (number * page).cast_signed();
            whole(pwrite(bench.file()?, buffer, offset)?, page)?;
        }
        Ok(())
    })
}

/// Reads a file that is in the page cache.
pub fn read_cached(bench: &Bench<'_>) -> nix::Result<()> {
    let read = bench.with_buffer(BYTES, |buffer| {
        bench.measure(|| pread(bench.file()?, buffer, 0))
    })?;
    whole(read, BYTES)
}

/// Asks for two pages with a buffer of one: the call returns the bytes that it copied.
pub fn read_short(bench: &Bench<'_>) -> nix::Result<()> {
    let page = bench.page_bytes;
    let length = std::num::NonZeroUsize::new(2 * page).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_POPULATE;
    // SAFETY: two new pages; the second one becomes inaccessible before anything uses it.
    let start = unsafe {
        let start = mmap_anonymous(None, length, access, flags)?;
        mprotect(start.byte_add(page), page, ProtFlags::PROT_NONE)?;
        start
    };
    let file = bench.file()?.as_raw_fd();
    let read = bench.measure(|| {
        // SAFETY: the kernel checks the buffer, and copies no further than its first page.
        Errno::result(unsafe { libc::pread(file, start.as_ptr(), 2 * page, 0) })
    });
    // SAFETY: mapped above.
    unsafe { munmap(start, 2 * page)? };
    whole(read?.cast_unsigned(), page as u64)
}

/// Loads from a shared mapping, which copies nothing.
pub fn load(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.file()?;
    // SAFETY: no other process has the file.
    let map =
        unsafe { MmapOptions::new().len(bench.bytes() as usize).map(&file) }.map_err(errno)?;
    bench.measure(|| {
        load_each(&map, bench.page_bytes);
        Ok(())
    })
}

/// Stores into a private mapping: each page is copied on write.
pub fn store_private(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.file()?;
    let mut options = MmapOptions::new();
    // SAFETY: no other process has the file.
    let mut map = unsafe { options.len(bench.bytes() as usize).map_copy(&file) }.map_err(errno)?;
    bench.measure(|| {
        store_each(&mut map, bench.page_bytes);
        Ok(())
    })
}

/// Stores into a shared mapping: each page becomes dirty.
pub fn store_shared(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    let mut map = shared(bench)?;
    bench.measure(|| {
        store_each(&mut map, bench.page_bytes);
        Ok(())
    })
}

fn shared(bench: &Bench<'_>) -> nix::Result<MmapMut> {
    let file = bench.file()?;
    // SAFETY: no other process has the file.
    unsafe {
        MmapOptions::new()
            .len(bench.bytes() as usize)
            .map_mut(&file)
    }
    .map_err(errno)
}

/// Reads from the device. Fails if the page cache cannot be emptied of the file first.
pub fn read_cold(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    posix_fadvise(bench.file()?, 0, 0, PosixFadviseAdvice::POSIX_FADV_DONTNEED)?;
    if cached_pages(bench)? != 0 {
        return Err(Errno::EBUSY);
    }
    let bytes = bench.bytes();
    let read = bench.with_buffer(bytes, |buffer| {
        bench.measure(|| pread(bench.file()?, buffer, 0))
    })?;
    whole(read, bytes)
}

fn cached_pages(bench: &Bench<'_>) -> nix::Result<usize> {
    let map = shared(bench)?;
    let mut states = [0; PAGES as usize];
    // SAFETY: `states` has one byte for each page of the mapping.
    let answer = unsafe {
        libc::mincore(
            map.as_ptr().cast_mut().cast(),
            map.len(),
            states.as_mut_ptr(),
        )
    };
    Errno::result(answer)?;
    Ok(states.iter().filter(|state| **state & 1 != 0).count())
}

/// The device writes directly into the buffer, without a copy.
pub fn read_direct(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    let bytes = bench.bytes();
    let file = reopen_direct(bench.file()?)?;
    let read = bench.with_buffer(bytes, |buffer| bench.measure(|| pread(&file, buffer, 0)))?;
    whole(read, bytes)
}

/// The device reads directly from the buffer, without a copy.
pub fn write_direct(bench: &Bench<'_>) -> nix::Result<()> {
    let bytes = bench.bytes();
    let file = reopen_direct(bench.file()?)?;
    let written = bench.with_buffer(bytes, |buffer| bench.measure(|| pwrite(&file, buffer, 0)))?;
    whole(written, bytes)
}

/// Opens the same file again with `O_DIRECT`, through /proc because it has no name.
fn reopen_direct(file: BorrowedFd<'_>) -> nix::Result<std::os::fd::OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlag::O_RDWR | OFlag::O_DIRECT | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::empty())
}

/// Discards dirty pages before they are written back.
pub fn truncate_dirty(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    bench.measure(|| {
        write_pages(bench)?;
        ftruncate(bench.file()?, 0)
    })
}

/// Writes with one call, into large folios where the file system makes them, then syncs to the device.
pub fn write_large_and_sync(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.another_file()?;
    let written = bench.with_buffer(LARGE_BYTES, |buffer| {
        bench.measure(|| {
            let written = pwrite(&file, buffer, 0)?;
            fsync(file.as_fd())?;
            Ok(written)
        })
    })?;
    // Empty so far, because each step runs once.
    let _ = bench.large.set(file);
    whole(written, LARGE_BYTES)
}

/// Writes one byte. The number of pages that become dirty is the size of the folio.
pub fn byte_into_large_folio(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.large.get().ok_or(Errno::ENOENT)?;
    let written = bench.with_buffer(1, |buffer| bench.measure(|| pwrite(file, buffer, 0)))?;
    whole(written, 1)
}
