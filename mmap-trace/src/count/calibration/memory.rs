//! Steps that need no file.

use std::{
    os::fd::AsFd as _,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use memmap2::MmapOptions;
use nix::{
    sys::{
        mman::{ProtFlags, mprotect},
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    },
    unistd,
};

use super::bench::{Bench, PAGES, errno, whole};

/// Nothing.
pub fn nothing(bench: &Bench<'_>) -> nix::Result<()> {
    // Once before, so that what measuring itself touches is there.
    bench.measure(|| Ok(()))?;
    bench.measure(|| Ok(()))
}

/// A store into each of some new pages.
pub fn touch(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, false)?;
    bench.measure(|| {
        store_each(&mut pages, bench.page_bytes);
        Ok(())
    })
}

/// Page that the handler opens, and its size.
static CLOSED: AtomicUsize = AtomicUsize::new(0);
static CLOSED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// A store into a closed page fails, the handler of SIGSEGV opens it, and the store is done again.
pub fn store_twice(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, false)?;
    let start = NonNull::from(&mut pages[0]).cast();
    // SAFETY: the first page of a mapping of our own.
    unsafe { mprotect(start, bench.page_bytes, ProtFlags::PROT_NONE)? };
    CLOSED.store(start.as_ptr().expose_provenance(), Relaxed);
    CLOSED_BYTES.store(bench.page_bytes, Relaxed);
    let action = SigAction::new(
        SigHandler::Handler(open),
        SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    // SAFETY: the handler makes one system call and touches no state of others.
    let before = unsafe { sigaction(Signal::SIGSEGV, &action)? };
    let done = bench.measure(|| {
        store_each(&mut pages[..1], bench.page_bytes);
        Ok(())
    });
    // SAFETY: what it was.
    unsafe { sigaction(Signal::SIGSEGV, &before)? };
    done
}

extern "C" fn open(_: i32) {
    // SAFETY: a page of the mapping that `store_twice` holds.
    unsafe {
        libc::mprotect(
            std::ptr::with_exposed_provenance_mut(CLOSED.load(Relaxed)),
            CLOSED_BYTES.load(Relaxed),
            libc::PROT_READ | libc::PROT_WRITE,
        )
    };
}

/// New pages that are there when the call returns.
pub fn populate(bench: &Bench<'_>) -> nix::Result<()> {
    bench.measure(|| anonymous(bench, true)).map(drop)
}

/// The kernel has to fault the pages in that it copies from.
pub fn write_from_new_pages(bench: &Bench<'_>) -> nix::Result<()> {
    let pages = anonymous(bench, false)?;
    let half = bench.bytes() / 2;
    let (_read, write) = unistd::pipe()?;
    let written = bench.measure(|| unistd::write(write.as_fd(), &pages[..half as usize]))?;
    whole(written, half)
}

fn anonymous(bench: &Bench<'_>, populate: bool) -> nix::Result<memmap2::MmapMut> {
    let mut options = MmapOptions::new();
    options.len(PAGES as usize * bench.page_bytes);
    if populate {
        options.populate();
    }
    options.map_anon().map_err(errno)
}

/// One byte into each page, with stores that really happen.
pub(super) fn store_each(pages: &mut [u8], page_bytes: usize) {
    for page in pages.chunks_mut(page_bytes) {
        // SAFETY: the first byte of a chunk that is not empty.
        unsafe { std::ptr::write_volatile(page.as_mut_ptr(), 1) };
    }
}

/// One byte of each page, with loads that really happen.
pub(super) fn load_each(pages: &[u8], page_bytes: usize) {
    for page in pages.chunks(page_bytes) {
        // SAFETY: the first byte of a chunk that is not empty.
        unsafe { std::ptr::read_volatile(page.as_ptr()) };
    }
}
