//! The store takes its work in steps, and a test may kill it between any two of them.

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, raise};

/// Steps that a store has taken: each store into a file, each write, each call of mmap and msync.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: u64,
    last: Option<u64>,
}

impl Steps {
    /// As many as there are.
    pub(crate) const fn unlimited() -> Self {
        Steps {
            taken: 0,
            last: None,
        }
    }

    /// After so many steps the process kills itself with SIGKILL, before it takes another one.
    pub(crate) const fn killed_after(last: u64) -> Self {
        Steps {
            taken: 0,
            last: Some(last),
        }
    }

    /// From now on so many more, and then the same end.
    pub(crate) fn kill_after(&mut self, more: u64) {
        self.last = Some(self.taken + more);
    }

    /// One more step begins.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.last == Some(self.taken) {
            raise(Signal::SIGKILL).context("raise(SIGKILL)")?;
        }
        self.taken += 1;
        Ok(())
    }

    pub(crate) fn taken(&self) -> u64 {
        self.taken
    }
}
