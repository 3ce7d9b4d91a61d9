//! What appending touches, computed from where the records are; the claims compare it with the kernel's counts.

use lessons::{Round, page_bytes};

use crate::store::{BLANK_BYTES, Span};

#[derive(Default)]
pub(crate) struct LogTally {
    pub(crate) bytes: u64,
    /// A page counts once for each group of records that touches it.
    pub(crate) pages: u64,
    pub(crate) records: u64,
    /// Records that do not begin where the previous one ended: the first one of a file.
    pub(crate) jumps: u64,
    /// Records that begin before the end of the previous one.
    pub(crate) backward: u64,
    /// Where the last record ends.
    pub(crate) end: u64,
    /// Where the last page ends that this group has touched, in pages.
    page_end: u64,
}

impl LogTally {
    pub(crate) fn add(&mut self, span: Span) {
        if span.offset != self.end {
            self.jumps += 1;
            self.backward += u64::from(span.offset < self.end);
            self.touch(self.end, BLANK_BYTES as u64);
        }
        self.touch(span.offset, span.bytes as u64);
        self.records += 1;
        self.end = span.offset + span.bytes as u64;
    }

    fn touch(&mut self, offset: u64, bytes: u64) {
        let page = page_bytes() as u64;
        let first = (offset / page).max(self.page_end);
        self.page_end = (offset + bytes).div_ceil(page);
        self.pages += self.page_end.saturating_sub(first);
        self.bytes += bytes;
    }

    /// From now on, pages that were touched before count again.
    pub(crate) fn next_group(&mut self) {
        self.page_end = 0;
    }

    pub(crate) fn report(&self, round: &mut Round) {
        round.work.bytes = self.bytes;
        round.work.pages = self.pages;
        round.work.operations = self.records;
    }
}
