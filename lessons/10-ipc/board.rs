//! What sender and receiver tell the lesson, and each other: a page that all of them share.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicI32, AtomicU64};

use anyhow::Result;
use lessons::Scenario;
use lessons::mapping::sum;
use lessons::turn::Turn;

/// Shared by the lesson, the sender and the receiver.
#[derive(Default)]
pub(crate) struct Board {
    /// Messages that the receiver may take.
    pub(crate) made: Turn,
    /// Messages that the receiver has taken.
    pub(crate) taken: Turn,
    sent_sum: AtomicU64,
    received_sum: AtomicU64,
    received_bytes: AtomicU64,
    user_copied_bytes: AtomicU64,
    errno: AtomicI32,
}

impl Board {
    /// The sender has made a message with this sum.
    pub(crate) fn sent(&self, sum: u64) {
        self.sent_sum.fetch_add(sum, Relaxed);
    }

    /// The receiver has all of a message in front of it, and looks at every byte.
    pub(crate) fn received(&self, message: &[u8]) {
        self.received_sum.fetch_add(sum(message), Relaxed);
        self.received_bytes.fetch_add(message.len() as u64, Relaxed);
    }

    /// The program itself has copied so many bytes, in user mode.
    pub(crate) fn copied(&self, bytes: usize) {
        self.user_copied_bytes.fetch_add(bytes as u64, Relaxed);
    }

    /// The kernel refused the way.
    pub(crate) fn refused(&self, errno: nix::errno::Errno) {
        self.errno.store(errno as i32, Relaxed);
    }

    pub(crate) fn is_refused(&self) -> bool {
        self.errno.load(Relaxed) != 0
    }

    /// Leaves it all in the scenario, for the checks.
    pub(crate) fn observe(&self, scenario: &Scenario) -> Result<()> {
        for (name, value) in [
            ("sent_sum", folded(self.sent_sum.load(Relaxed))),
            ("received_sum", folded(self.received_sum.load(Relaxed))),
            ("received_bytes", self.received_bytes.load(Relaxed)),
            ("user_copied_bytes", self.user_copied_bytes.load(Relaxed)),
        ] {
            scenario.observe(name, i64::try_from(value)?);
        }
        scenario.observe("errno", i64::from(self.errno.load(Relaxed)));
        Ok(())
    }
}

/// Equal sums stay equal, and people can compare them.
fn folded(sum: u64) -> u64 {
    u64::from((sum ^ (sum >> 32)) as u32)
}
