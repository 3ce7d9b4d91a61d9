//! A number in shared memory that some processes raise and others wait for, with futex(2).
//!
//! Raising and looking are ordinary stores and loads. The kernel is asked for two things only: to let us
//! sleep until the number has changed, and to wake who sleeps.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;

/// Longer than any message takes: whoever does not answer for so long is dead.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one sleep lasts at most, so that patience can end.
const NAP: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// How many sleepers a wake-up reaches.
const EVERYBODY: u32 = i32::MAX.cast_unsigned();

/// How many times something has happened.
#[derive(Default)]
pub struct Turn {
    count: AtomicU32,
    /// Whether somebody may sleep on the count, and must be woken.
    sleeping: AtomicU32,
}

impl Turn {
    /// It has happened once more.
    pub fn raise(&self) -> Result<()> {
        self.count.fetch_add(1, SeqCst);
        if self.sleeping.swap(0, SeqCst) == 1 {
            futex(&self.count, libc::FUTEX_WAKE, EVERYBODY, None).context("futex(FUTEX_WAKE)")?;
        }
        Ok(())
    }

    /// Sleeps until it has happened so many times.
    pub fn wait_for(&self, times: usize) -> Result<()> {
        let mut since = None;
        loop {
            let seen = self.count.load(SeqCst);
            if seen as usize >= times {
                return Ok(());
            }
            let since = *since.get_or_insert_with(Instant::now);
            ensure!(
                since.elapsed() < PATIENCE,
                "the other process has not answered for {} s",
                PATIENCE.as_secs()
            );
            // Who raises the count after this store sees it; who raised it before has changed the count,
            // and then the kernel does not let us sleep.
            self.sleeping.store(1, SeqCst);
            match futex(&self.count, libc::FUTEX_WAIT, seen, Some(&NAP)) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(errno) => return Err(errno).context("futex(FUTEX_WAIT)"),
            }
        }
    }
}

/// Neither the C library nor nix has this call. Without `FUTEX_PRIVATE_FLAG`: the word is shared.
fn futex(
    word: &AtomicU32,
    operation: libc::c_int,
    value: u32,
    timeout: Option<&libc::timespec>,
) -> nix::Result<()> {
    let timeout = timeout.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel reads the word atomically and the timeout before it returns; both are alive.
    let answer =
        unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, value, timeout) };
    Errno::result(answer).map(drop)
}
