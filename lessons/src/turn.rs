//! A number in shared memory that some processes raise and others wait for, with futex(2).
//!
//! Raising and reading it are ordinary stores and loads. The kernel is needed only to sleep until the
//! number has changed, and to wake those that sleep.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;

/// Longer than any message takes: a process that has not answered by then is dead.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest single sleep, so that a waiting process notices when its patience ends.
const NAP: libc::timespec = libc::timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

const EVERYBODY: u32 = i32::MAX.cast_unsigned();

/// How many times something has happened.
#[derive(Default)]
pub struct Turn {
    count: AtomicU32,
    /// 1 if a process may be sleeping on the count and must be woken.
    sleeping: AtomicU32,
}

impl Turn {
    /// Adds one, and wakes those that wait.
    pub fn raise(&self) -> Result<()> {
        self.count.fetch_add(1, SeqCst);
        if self.sleeping.swap(0, SeqCst) == 1 {
            futex(&self.count, libc::FUTEX_WAKE, EVERYBODY, None).context("futex(FUTEX_WAKE)")?;
        }
        Ok(())
    }

    /// Sleeps until the count has reached this number.
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
            // A process that raises the count after this store sees it and wakes us. If the count was
            // raised before it, the kernel finds another value than `seen` and does not let us sleep.
            self.sleeping.store(1, SeqCst);
            match futex(&self.count, libc::FUTEX_WAIT, seen, Some(&NAP)) {
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR | Errno::ETIMEDOUT) => {}
                Err(errno) => return Err(errno).context("futex(FUTEX_WAIT)"),
            }
        }
    }
}

/// Neither the C library nor nix has this call. `FUTEX_PRIVATE_FLAG` is absent because processes share the
/// word.
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
