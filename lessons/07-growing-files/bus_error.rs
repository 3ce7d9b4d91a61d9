//! Catches SIGBUS and lets the program go on.
//!
//! The signal interrupts the instruction that touched the page, and returning from the handler restarts that
//! instruction. So the handler puts a page of anonymous memory where the file has none. The instruction then
//! succeeds, and what it stores is in no file.

use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI64, AtomicUsize};

use anyhow::{Context, Result};
use lessons::{Scenario, page_bytes};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// What the handler knows and what it saw. It is static because a handler is a plain function.
static START: AtomicUsize = AtomicUsize::new(0);
static END: AtomicUsize = AtomicUsize::new(0);
static PAGE_BYTES: AtomicUsize = AtomicUsize::new(0);
static SIGNALS: AtomicI64 = AtomicI64::new(0);
static CODE: AtomicI64 = AtomicI64::new(0);
static ADDRESS: AtomicUsize = AtomicUsize::new(0);

/// While it lives, the program survives touches of one mapping where the file has no page.
pub(crate) struct Caught {
    start: usize,
    before: SigAction,
}

impl Caught {
    pub(crate) fn inside(mapping: &[u8]) -> Result<Self> {
        let range = mapping.as_ptr_range();
        START.store(range.start.addr(), Relaxed);
        END.store(range.end.addr(), Relaxed);
        PAGE_BYTES.store(page_bytes(), Relaxed);
        SIGNALS.store(0, Relaxed);
        let action = SigAction::new(
            SigHandler::SigAction(on_bus_error),
            SaFlags::SA_SIGINFO,
            SigSet::empty(),
        );
        // SAFETY: the handler reads atomics and makes system calls, which a signal handler may.
        let before = unsafe { sigaction(Signal::SIGBUS, &action) }.context("sigaction(SIGBUS)")?;
        Ok(Caught {
            start: range.start.addr(),
            before,
        })
    }

    /// Records how many signals came, with which `si_code`, and for which page of the mapping.
    pub(crate) fn observe(&self, scenario: &Scenario) -> Result<()> {
        let signals = SIGNALS.load(Relaxed);
        scenario.observe("bus_errors", signals);
        if signals > 0 {
            let page = (ADDRESS.load(Relaxed) - self.start) / page_bytes();
            scenario.observe("bus_error_code", CODE.load(Relaxed));
            scenario.observe("bus_error_page", i64::try_from(page)?);
        }
        Ok(())
    }
}

impl Drop for Caught {
    fn drop(&mut self) {
        // SAFETY: this action was in force before. A destructor could not report a failure.
        let _ = unsafe { sigaction(Signal::SIGBUS, &self.before) };
    }
}

extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: with SA_SIGINFO the kernel passes a complete siginfo_t, which has an address for SIGBUS.
    let (address, code) = unsafe { ((*info).si_addr().addr(), (*info).si_code) };
    let page_bytes = PAGE_BYTES.load(Relaxed);
    let page = address - address % page_bytes;
    let is_ours = (START.load(Relaxed)..END.load(Relaxed)).contains(&address);
    // SAFETY: replaces one page of the watched mapping, whose content no reference relies on.
    let replaced = is_ours && unsafe { replace(page, page_bytes) };
    if replaced {
        SIGNALS.fetch_add(1, Relaxed);
        CODE.store(i64::from(code), Relaxed);
        ADDRESS.store(address, Relaxed);
    } else {
        // SAFETY: restores the default action, so that the restarted instruction kills the process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Replaces a page by anonymous memory; returns whether that succeeded.
///
/// # Safety
///
/// The page must belong to a mapping whose content may change at any time.
unsafe fn replace(page: usize, bytes: usize) -> bool {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_FIXED | libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let place = std::ptr::without_provenance_mut(page);
    // SAFETY: the caller guarantees that the page may be replaced.
    unsafe { libc::mmap(place, bytes, protection, flags, -1, 0) == place }
}
