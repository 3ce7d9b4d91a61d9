//! What appending has touched: computed from the places of the records, and held against what the kernel
//! counted.

use lessons::{Round, page_bytes};

use crate::store::{BLANK_BYTES, Place};

/// Bytes, pages and records of one stretch of the log.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    /// Every page, once for each group of records that touches it.
    pub(crate) pages: u64,
    pub(crate) records: u64,
    /// Records that do not begin where the one before ended: the first one of a file.
    pub(crate) jumps: u64,
    /// Records that stand before the one before.
    pub(crate) backward: u64,
    /// The end of the last record.
    pub(crate) end: u64,
    /// The end of the last page that this group has touched.
    page_end: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, place: Place) {
        if place.offset != self.end {
            self.jumps += 1;
            self.backward += u64::from(place.offset < self.end);
            self.touch(self.end, BLANK_BYTES as u64);
        }
        self.touch(place.offset, place.bytes as u64);
        self.records += 1;
        self.end = place.offset + place.bytes as u64;
    }

    fn touch(&mut self, offset: u64, bytes: u64) {
        let page = page_bytes() as u64;
        let first = (offset / page).max(self.page_end);
        self.page_end = (offset + bytes).div_ceil(page);
        self.pages += self.page_end.saturating_sub(first);
        self.bytes += bytes;
    }

    /// From now on a page that was touched before counts again.
    pub(crate) fn next_group(&mut self) {
        self.page_end = 0;
    }

    pub(crate) fn report(&self, round: &mut Round) {
        round.work.bytes = self.bytes;
        round.work.pages = self.pages;
        round.work.operations = self.records;
    }
}
