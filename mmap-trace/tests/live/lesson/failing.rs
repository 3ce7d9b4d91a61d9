//! Faults that fail: a signal handler repairs them, or the call returns EFAULT.

use std::{
    fs::File,
    io,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use anyhow::{Result, ensure};
use libc::{MAP_PRIVATE, MAP_SHARED, PROT_NONE, PROT_READ, PROT_WRITE, c_int, c_void, siginfo_t};
use nix::errno::Errno;

use super::{faults::Scenario, map::Map, writeback::file};

static HANDLED: AtomicUsize = AtomicUsize::new(0);

/// Maps memory at the address of the fault; async-signal-safe.
extern "C" fn mend(_: c_int, info: *mut siginfo_t, _: *mut c_void) {
    HANDLED.fetch_add(1, Relaxed);
    // SAFETY: the kernel passes the siginfo of a fault.
    let address = unsafe { (*info).si_addr() };
    let page = address.map_addr(|address| address & !4095);
    let flags = MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
    // SAFETY: replaces a page of the case's own mapping, which cannot be used anyway.
    unsafe { libc::mmap(page, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) };
}

/// Runs with `mend` as the handler of a signal.
fn mending(signal: c_int, wanted: usize, run: Scenario, map: &Map) -> Result<()> {
    // SAFETY: an all-zero action is a valid one.
    let (mut action, mut before): (libc::sigaction, libc::sigaction) =
        unsafe { std::mem::zeroed() };
    action.sa_sigaction = mend as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO;
    // SAFETY: both actions are complete; `mend` is async-signal-safe.
    Errno::result(unsafe { libc::sigaction(signal, &raw const action, &raw mut before) })?;
    HANDLED.store(0, Relaxed);
    let result = run(&mut || {
        map.load_each();
        Ok(())
    });
    // SAFETY: puts back what was there.
    Errno::result(unsafe { libc::sigaction(signal, &raw const before, std::ptr::null_mut()) })?;
    let handled = HANDLED.load(Relaxed);
    ensure!(handled == wanted, "handled {handled} signals, not {wanted}");
    result
}

pub(super) fn segv(_: &File, run: Scenario) -> Result<()> {
    let map = Map::new(None, 16 * 4096, PROT_NONE, MAP_PRIVATE)?;
    mending(libc::SIGSEGV, 16, run, &map)
}

/// The mapping is a page longer than the file.
pub(super) fn bus(_: &File, run: Scenario) -> Result<()> {
    let short = file("short", 4096, true)?;
    let map = Map::new(Some(&short), 8192, PROT_READ, MAP_SHARED)?;
    // The first page is mapped already, so only the page behind the end faults.
    let first = map.start();
    // SAFETY: within the mapping and the file.
    unsafe { first.read_volatile() };
    mending(libc::SIGBUS, 1, run, &map)
}

pub(super) fn efault(file: &File, run: Scenario) -> Result<()> {
    let map = Map::new(None, 4096, PROT_NONE, MAP_PRIVATE)?;
    let address = map.start() as usize;
    run(&mut || {
        // SAFETY: the kernel refuses the address.
        let result = unsafe {
            libc::pread(
                std::os::fd::AsRawFd::as_raw_fd(file),
                address as *mut c_void,
                4096,
                0,
            )
        };
        let error = io::Error::last_os_error();
        ensure!(
            result == -1 && error.raw_os_error() == Some(libc::EFAULT),
            "{result}, {error}"
        );
        Ok(())
    })
}
