//! What a start does with the files that the broker before it has left.
//!
//! The log is the truth, and the index follows from it.
//! The log ends where no whole record with the right checksum follows; zeros are not one.

use anyhow::Result;

use super::MessageStore;
use super::settings::Tail;

/// How the previous broker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Normal,
    /// It left the file `abort`.
    Abnormal,
}

/// What a start has found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recovered {
    pub(crate) exit: Exit,
    pub(crate) records: u64,
    /// Where the log ends.
    pub(crate) end: u64,
}

impl MessageStore {
    /// Finds the end of the log, clears what follows it, and rebuilds the index after an abnormal exit.
    pub(super) fn recover(&mut self, exit: Exit, tail: Tail) -> Result<Recovered> {
        let (mut records, mut end) = (0, 0);
        while let Some((_, next)) = self.log.next_record(end) {
            records += 1;
            end = next;
        }
        self.log.files.remove_after(end, &mut self.life)?;
        // A record appended here could end where an old one begins, and the next start would then take the
        // old one for its successor.
        if tail == Tail::Cleared {
            self.log.files.clear_from(end, &mut self.life)?;
        }
        // After a kill, records need not be on the device, and entries can be missing.
        let trusted_end = match exit {
            Exit::Normal => end,
            Exit::Abnormal => 0,
        };
        self.log.resume(end, trusted_end);
        if exit == Exit::Abnormal {
            self.queues.remove_all(&mut self.life)?;
        }
        self.dispatched = trusted_end;
        self.dispatch()?;
        Ok(Recovered { exit, records, end })
    }
}
