//! The steps of the store's work, between any two of which a lesson can kill the process.

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, raise};

/// Counts the steps: each store into a file, each write, and each call of mmap and msync.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: u64,
    limit: Option<u64>,
}

impl Steps {
    /// Lets the process kill itself with SIGKILL once it has taken this many steps and begins another.
    pub(crate) const fn killed_after(limit: u64) -> Self {
        Steps {
            taken: 0,
            limit: Some(limit),
        }
    }

    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.limit == Some(self.taken) {
            raise(Signal::SIGKILL).context("raise(SIGKILL)")?;
        }
        self.taken += 1;
        Ok(())
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}
