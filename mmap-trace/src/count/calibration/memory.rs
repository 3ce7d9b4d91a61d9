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
        signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, raise, sigaction},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::{self, ForkResult, Pid},
};

use super::bench::{Bench, PAGES, errno, whole};

pub fn nothing(bench: &Bench<'_>) -> nix::Result<()> {
    // The first call faults in the pages that measuring itself touches.
    bench.measure(|| Ok(()))?;
    bench.measure(|| Ok(()))
}

/// Stores into new pages.
pub fn touch(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, false)?;
    bench.measure(|| {
        store_each(&mut pages, bench.page_bytes);
        Ok(())
    })
}

/// Stores into pages that a child, which waits, has since it was forked.
pub fn copy_on_write(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, true)?;
    let child = waiting_child()?;
    let done = bench.measure(|| {
        store_each(&mut pages, bench.page_bytes);
        Ok(())
    });
    end(child)?;
    done
}

/// Does the same when the child has ended.
pub fn keep_on_write(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, true)?;
    end(waiting_child()?)?;
    bench.measure(|| {
        store_each(&mut pages, bench.page_bytes);
        Ok(())
    })
}

/// Forks a child and returns when it has stopped, so that it does nothing else.
fn waiting_child() -> nix::Result<Pid> {
    // SAFETY: the child only makes system calls.
    match unsafe { unistd::fork()? } {
        ForkResult::Parent { child } => {
            waitpid(child, Some(WaitPidFlag::WUNTRACED))?;
            Ok(child)
        }
        ForkResult::Child => {
            let _ = raise(Signal::SIGSTOP);
            // SAFETY: ends the process, as nothing else may.
            unsafe { libc::_exit(0) }
        }
    }
}

fn end(child: Pid) -> nix::Result<()> {
    kill(child, Signal::SIGKILL)?;
    waitpid(child, None).map(drop)
}

/// Address and size of the page that the signal handler makes accessible.
static PROTECTED: AtomicUsize = AtomicUsize::new(0);
static PROTECTED_BYTES: AtomicUsize = AtomicUsize::new(0);

/// A store into a protected page fails; the handler of SIGSEGV makes it accessible, and the store is retried.
pub fn store_twice(bench: &Bench<'_>) -> nix::Result<()> {
    let mut pages = anonymous(bench, false)?;
    let start = NonNull::from(&mut pages[0]).cast();
    // SAFETY: the first page of `pages`, which nothing uses now.
    unsafe { mprotect(start, bench.page_bytes, ProtFlags::PROT_NONE)? };
    PROTECTED.store(start.as_ptr().expose_provenance(), Relaxed);
    PROTECTED_BYTES.store(bench.page_bytes, Relaxed);
    let action = SigAction::new(
        SigHandler::Handler(unprotect),
        SaFlags::SA_RESETHAND,
        SigSet::empty(),
    );
    // SAFETY: the handler only makes one system call.
    let before = unsafe { sigaction(Signal::SIGSEGV, &action)? };
    let done = bench.measure(|| {
        store_each(&mut pages[..1], bench.page_bytes);
        Ok(())
    });
    // SAFETY: restores the previous action.
    unsafe { sigaction(Signal::SIGSEGV, &before)? };
    done
}

extern "C" fn unprotect(_: i32) {
    // SAFETY: a page of the mapping that `store_twice` holds.
    unsafe {
        libc::mprotect(
            std::ptr::with_exposed_provenance_mut(PROTECTED.load(Relaxed)),
            PROTECTED_BYTES.load(Relaxed),
            libc::PROT_READ | libc::PROT_WRITE,
        )
    };
}

/// Maps new pages that are present when the call returns.
pub fn populate(bench: &Bench<'_>) -> nix::Result<()> {
    bench.measure(|| anonymous(bench, true)).map(drop)
}

/// Makes the kernel fault in the pages that it copies from.
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

/// Stores one byte into each page, with stores that the compiler cannot remove.
pub(super) fn store_each(pages: &mut [u8], page_bytes: usize) {
    for page in pages.chunks_mut(page_bytes) {
        // SAFETY: a chunk is never empty.
        unsafe { std::ptr::write_volatile(page.as_mut_ptr(), 1) };
    }
}

/// Loads one byte of each page, with loads that the compiler cannot remove.
pub(super) fn load_each(pages: &[u8], page_bytes: usize) {
    for page in pages.chunks(page_bytes) {
        // SAFETY: a chunk is never empty.
        unsafe { std::ptr::read_volatile(page.as_ptr()) };
    }
}
