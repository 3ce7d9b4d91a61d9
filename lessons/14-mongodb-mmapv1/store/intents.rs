//! The stores since the last group commit: the write intents of `dur_commitjob.h`.

use anyhow::{Result, ensure};
use lessons::page_bytes;

use super::disk_loc::DiskLoc;

/// A stretch of bytes that was stored into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Intent {
    pub(crate) place: DiskLoc,
    pub(crate) bytes: i32,
}

/// A list whose memory is touched in advance, so that declaring a store takes no fault.
pub(crate) struct Intents(Vec<Intent>);

impl Intents {
    pub(crate) fn with_capacity(count: usize) -> Self {
        let filler = Intent {
            place: DiskLoc::NULL,
            bytes: -1,
        };
        let mut list = vec![filler; count];
        std::hint::black_box(&mut list[..]);
        list.clear();
        Intents(list)
    }

    /// Declares a store that is about to happen.
    pub(crate) fn declare(&mut self, place: DiskLoc, bytes: i32) -> Result<()> {
        if let Some(last) = self.0.last_mut()
            && last.place.plus(last.bytes) == place
        {
            last.bytes += bytes;
            return Ok(());
        }
        ensure!(
            self.0.len() < self.0.capacity(),
            "a group of {} stores is full, and growing the list would take faults; commit earlier",
            self.0.len()
        );
        self.0.push(Intent { place, bytes });
        Ok(())
    }

    /// Sorts the intents by place and merges those that touch or overlap, without new memory.
    pub(crate) fn merge(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, earlier| {
            let end = earlier.place.plus(earlier.bytes);
            let meet = next.place.file == end.file && next.place.offset <= end.offset;
            if meet {
                let reach = next.place.offset + next.bytes - earlier.place.offset;
                earlier.bytes = earlier.bytes.max(reach);
            }
            meet
        });
    }

    /// Counts the different pages that the intents lie in, without new memory.
    pub(crate) fn touched_pages(&mut self) -> usize {
        self.merge();
        let page = page_bytes();
        let mut count = 0;
        let mut last = None;
        for Intent { place, bytes } in &self.0 {
            let start = place.offset.unsigned_abs() as usize;
            let end = start + bytes.unsigned_abs() as usize;
            for number in start / page..end.div_ceil(page) {
                let this = Some((place.file, number));
                count += usize::from(this != last);
                last = this;
            }
        }
        count
    }

    pub(crate) fn list(&self) -> &[Intent] {
        &self.0
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
