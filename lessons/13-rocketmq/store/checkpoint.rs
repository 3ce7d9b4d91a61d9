//! The checkpoint: up to which moment everything is on the device (`StoreCheckpoint`).
//!
//! A file of one page, mapped. It need not be exact, only never too late: a start looks at more than it must.

use std::fs::File;
use std::path::Path;

use anyhow::{Context, Result};
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};

/// Its length.
const BYTES: usize = 4096;
/// The clock may have been set back so far.
const TOLERANCE_MS: u64 = 3000;

/// Time of the newest message that is flushed in the log (byte 0) and in the queues (byte 8), in ms since
/// 1970; big-endian.
pub(crate) struct Checkpoint(MappingMut);

impl Checkpoint {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let context = || format!("mapping {}", path.display());
        let mut options = File::options();
        let options = options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).with_context(context)?;
        file.set_len(BYTES as u64).with_context(context)?;
        let place = Reserved::new(BYTES)?;
        let mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        Ok(Checkpoint(mapping))
    }

    pub(crate) fn log_is_flushed(&mut self, newest_ms: u64) {
        self.0[..8].copy_from_slice(&newest_ms.to_be_bytes());
    }

    /// Up to where the log is.
    pub(crate) fn queues_are_flushed(&mut self) {
        self.0.copy_within(..8, 8);
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.0.flush()
    }

    /// Messages that were stored before this moment need not be looked at.
    pub(crate) fn trusted_ms(&self) -> u64 {
        let log_ms = self.number_at(0);
        log_ms.min(self.number_at(8)).saturating_sub(TOLERANCE_MS)
    }

    fn number_at(&self, place: usize) -> u64 {
        let bytes = self.0[place..].first_chunk::<8>();
        bytes.map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}
