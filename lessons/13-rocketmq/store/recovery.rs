//! What a start finds out: where the log ends, and which messages have no entry in their queue
//! (`CommitLog.recoverNormally`, `recoverAbnormally`).
//!
//! The log is right and the queues follow from it. The log ends before the first thing that is no whole
//! record with a body of the right checksum; zeros are none, so an unused file ends the log as well.

use anyhow::Result;

use super::Store;
use super::record::Found;
use super::segments::Segments;
use super::settings::Tail;

/// After a normal exit only the last files are looked at.
const LAST_FILES: usize = 3;

/// How the broker before this one ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Normal,
    /// It left the file `abort`.
    Abnormal,
}

/// What a start has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) exit: Exit,
    /// Records that were looked at and found whole.
    pub(crate) records: u64,
    /// Where the log ends.
    pub(crate) end: u64,
}

impl Store {
    pub(super) fn recover(&mut self, exit: Exit, tail: Tail) -> Result<Report> {
        // As far as anybody knows all files are full.
        let full = self.log.segments.end();
        self.log.set_end(full, full);
        let begin = self.first_doubtful(exit);
        let (records, end) = self.scan(begin);
        self.log.segments.remove_behind(end, &mut self.life)?;
        if tail == Tail::Cleared {
            self.log.segments.clear_from(end, &mut self.life)?;
        }
        self.log.set_end(end, begin);
        self.queues.cut(end, &mut self.life)?;
        self.dispatched = begin;
        self.dispatch()?;
        Ok(Report { exit, records, end })
    }

    /// The beginning of the newest file that is to be looked at: after an abnormal exit, one whose first
    /// record is older than what the checkpoint vouches for.
    fn first_doubtful(&self, exit: Exit) -> u64 {
        let Segments { files, .. } = &self.log.segments;
        let trusted_ms = self.checkpoint.trusted_ms();
        let newest = match exit {
            Exit::Normal => files.iter().rev().nth(LAST_FILES - 1),
            Exit::Abnormal => files.iter().rev().find(|file| {
                matches!(Found::at(file.bytes()),
                    Found::Record(first) if first.stored_ms <= trusted_ms)
            }),
        };
        newest.map_or(self.log.segments.start(), |file| file.start)
    }

    /// How many records follow one another from here, and where the last one ends.
    fn scan(&self, begin: u64) -> (u64, u64) {
        let (mut records, mut end) = (0, begin);
        while let Some((_, next)) = self.log.next_record(end) {
            records += 1;
            end = next;
        }
        (records, end)
    }
}
