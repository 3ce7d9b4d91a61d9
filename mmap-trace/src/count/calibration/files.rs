//! Steps on a file of the work directory's file system. The first one makes the file, the others
//! leave it as long as it is; its pages lie in small folios, because it is written page by page.

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

/// Page by page, then to the device.
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

/// Copies from the page cache.
pub fn read_cached(bench: &Bench<'_>) -> nix::Result<()> {
    let read = bench.with_buffer(BYTES, |buffer| {
        bench.measure(|| pread(bench.file()?, buffer, 0))
    })?;
    whole(read, BYTES)
}

/// Two pages are asked for, and the buffer has one: the call returns what it copied.
pub fn read_short(bench: &Bench<'_>) -> nix::Result<()> {
    let page = bench.page_bytes;
    let length = std::num::NonZeroUsize::new(2 * page).ok_or(Errno::EINVAL)?;
    let access = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    let flags = MapFlags::MAP_PRIVATE | MapFlags::MAP_POPULATE;
    // SAFETY: two pages of our own, the second of which is closed before anybody uses it.
    let start = unsafe {
        let start = mmap_anonymous(None, length, access, flags)?;
        mprotect(start.byte_add(page), page, ProtFlags::PROT_NONE)?;
        start
    };
    let file = bench.file()?.as_raw_fd();
    let read = bench.measure(|| {
        // SAFETY: the kernel checks the buffer, and this one ends early.
        Errno::result(unsafe { libc::pread(file, start.as_ptr(), 2 * page, 0) })
    });
    // SAFETY: mapped above.
    unsafe { munmap(start, 2 * page)? };
    whole(read?.cast_unsigned(), page as u64)
}

/// Nothing is copied by a load.
pub fn load(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.file()?;
    // SAFETY: nobody else has the file.
    let map =
        unsafe { MmapOptions::new().len(bench.bytes() as usize).map(&file) }.map_err(errno)?;
    bench.measure(|| {
        load_each(&map, bench.page_bytes);
        Ok(())
    })
}

/// Each page becomes a copy of its own.
pub fn store_private(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.file()?;
    let mut options = MmapOptions::new();
    // SAFETY: nobody else has the file.
    let mut map = unsafe { options.len(bench.bytes() as usize).map_copy(&file) }.map_err(errno)?;
    bench.measure(|| {
        store_each(&mut map, bench.page_bytes);
        Ok(())
    })
}

/// Each page becomes dirty.
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
    // SAFETY: nobody else has the file.
    unsafe {
        MmapOptions::new()
            .len(bench.bytes() as usize)
            .map_mut(&file)
    }
    .map_err(errno)
}

/// From the device, because no page is in the cache; else this says that it cannot be tried.
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
    // SAFETY: one byte a page of a mapping that lives.
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

/// The device writes into the buffer: no copy.
pub fn read_direct(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    let bytes = bench.bytes();
    let file = again(bench.file()?)?;
    let read = bench.with_buffer(bytes, |buffer| bench.measure(|| pread(&file, buffer, 0)))?;
    whole(read, bytes)
}

/// The device reads from the buffer: no copy.
pub fn write_direct(bench: &Bench<'_>) -> nix::Result<()> {
    let bytes = bench.bytes();
    let file = again(bench.file()?)?;
    let written = bench.with_buffer(bytes, |buffer| bench.measure(|| pwrite(&file, buffer, 0)))?;
    whole(written, bytes)
}

/// The same file, opened once more with `O_DIRECT`. It has no name but this one.
fn again(file: BorrowedFd<'_>) -> nix::Result<std::os::fd::OwnedFd> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    let flags = OFlag::O_RDWR | OFlag::O_DIRECT | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::empty())
}

/// Dirty pages that will never be written.
pub fn truncate_dirty(bench: &Bench<'_>) -> nix::Result<()> {
    fsync(bench.file()?)?;
    bench.measure(|| {
        write_pages(bench)?;
        ftruncate(bench.file()?, 0)
    })
}

/// At once, then to the device: in large folios, where the file system makes them.
pub fn write_large_and_sync(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.another_file()?;
    let written = bench.with_buffer(LARGE_BYTES, |buffer| {
        bench.measure(|| {
            let written = pwrite(&file, buffer, 0)?;
            fsync(file.as_fd())?;
            Ok(written)
        })
    })?;
    // Set once: each step runs once.
    let _ = bench.large.set(file);
    whole(written, LARGE_BYTES)
}

/// How many pages become dirty by one byte tells how many lie in one folio.
pub fn byte_into_large_folio(bench: &Bench<'_>) -> nix::Result<()> {
    let file = bench.large.get().ok_or(Errno::ENOENT)?;
    let written = bench.with_buffer(1, |buffer| bench.measure(|| pwrite(file, buffer, 0)))?;
    whole(written, 1)
}
