//! When the store remaps and flushes, in ticks. A tick of the original is 100 ms (`dur.cpp`).

use anyhow::Result;

use super::Store;

/// Ticks between two remaps; the original waits for 20 (2 s).
pub(crate) const TICKS_PER_REMAP: u64 = 4;
/// Ticks between two flushes; the original waits for 600 (60 s).
pub(crate) const TICKS_PER_FLUSH: u64 = 16;

impl Store {
    /// Does what is due at the end of this tick; ticks are counted from 1.
    pub(crate) fn tick(&mut self, tick: u64) -> Result<()> {
        self.commit()?;
        if tick.is_multiple_of(TICKS_PER_REMAP) {
            self.remap()?;
        }
        if tick.is_multiple_of(TICKS_PER_FLUSH) {
            self.flush()?;
            self.trim_journal()?;
        }
        Ok(())
    }
}
