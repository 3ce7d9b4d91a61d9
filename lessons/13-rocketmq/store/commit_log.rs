//! The commit log: the records of all queues, one after another (`CommitLog` in the product).
//!
//! Three offsets say how far it has come: records are *appended* up to `appended`, in the page cache up to
//! `committed`, and on the device up to `flushed`.
//! A store into the mapping reaches the page cache at once, so there the first two are equal.

use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use lessons::page_bytes;

use super::life::Life;
use super::mapped_files::{MappedFiles, Span, present};
use super::record::{BLANK_BYTES, Found, Message, Record, blank};
use super::settings::{Append, StoreSettings};

const MOST_RECORD_BYTES: usize = 64 << 10;
/// The buffer is written once it holds this many pages (`commitCommitLogLeastPages`).
const COMMIT_PAGES: usize = 4;

pub(crate) struct CommitLog {
    pub(crate) files: MappedFiles,
    append: Append,
    pub(crate) appended: u64,
    pub(crate) committed: u64,
    flushed: u64,
    /// The record that is being encoded.
    record: Vec<u8>,
    /// Records that are appended and not committed; always empty with [`Append::Mapping`].
    buffer: Vec<u8>,
}

impl CommitLog {
    /// Maps the existing files; all of them count as full until [`resume`](Self::resume).
    pub(crate) fn load(settings: &StoreSettings) -> Result<Self> {
        let directory = settings.home.join("commitlog");
        let files = MappedFiles::load(directory, settings.log_file_bytes)?;
        let end = files.end();
        Ok(CommitLog {
            files,
            append: settings.append,
            appended: end,
            committed: end,
            flushed: end,
            record: present(MOST_RECORD_BYTES),
            buffer: present(COMMIT_PAGES * page_bytes() + MOST_RECORD_BYTES),
        })
    }

    /// Sets where the log ends, and up to where it is known to be on the device.
    pub(crate) fn resume(&mut self, end: u64, flushed: u64) {
        (self.appended, self.committed, self.flushed) = (end, end, flushed);
    }

    pub(crate) fn append(
        &mut self,
        message: &Message,
        queue_offset: u64,
        life: &mut Life,
    ) -> Result<Span> {
        self.make_room(message.record_bytes(), life)?;
        let span = Span {
            offset: self.appended,
            bytes: message.record_bytes(),
        };
        let mut record = std::mem::take(&mut self.record);
        let put = message
            .encode(span.offset, queue_offset, &mut record)
            .and_then(|()| self.put(&record, life));
        self.record = record;
        put.map(|()| span)
    }

    /// A record never spans two files: if it does not fit, the rest of the file is declared blank.
    fn make_room(&mut self, record_bytes: usize, life: &mut Life) -> Result<()> {
        let file_bytes = self.files.file_bytes;
        ensure!(
            record_bytes + BLANK_BYTES <= file_bytes,
            "a record of {record_bytes} bytes does not fit in a log file of {file_bytes} bytes"
        );
        let rest = file_bytes - (self.appended % file_bytes as u64) as usize;
        if record_bytes + BLANK_BYTES > rest {
            let end = self.appended + rest as u64;
            self.put(&blank(rest), life)?;
            self.commit(life)?;
            (self.appended, self.committed) = (end, end);
        }
        if self.appended == self.files.end() {
            self.files.grow(life)?;
        }
        Ok(())
    }

    /// The two ways into the page cache: a store into the mapping, or a buffer and write(2).
    fn put(&mut self, bytes: &[u8], life: &mut Life) -> Result<()> {
        let end = self.appended + bytes.len() as u64;
        match self.append {
            Append::Mapping => {
                let file = self.files.at_mut(self.appended).context(NO_FILE)?;
                let place = file.place(self.appended);
                life.store(&mut file.bytes_mut()[place..place + bytes.len()], bytes);
                (self.appended, self.committed) = (end, end);
            }
            Append::Buffer => {
                life.work(bytes, |bytes| self.buffer.extend_from_slice(bytes));
                self.appended = end;
                if self.buffer.len() >= COMMIT_PAGES * page_bytes() {
                    self.commit(life)?;
                }
            }
        }
        Ok(())
    }

    /// Moves the buffer into the page cache.
    pub(crate) fn commit(&mut self, life: &mut Life) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let file = self.files.at(self.committed).context(NO_FILE)?;
        let place = file.place(self.committed) as u64;
        life.step();
        life.work(&self.buffer, |bytes| file.file.write_all_at(bytes, place))
            .context("pwrite(commit log)")?;
        life.step();
        self.committed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Waits until the log is on the device.
    pub(crate) fn flush(&mut self, life: &mut Life) -> Result<()> {
        self.commit(life)?;
        while self.flushed < self.committed {
            let file = self.files.at(self.flushed).context(NO_FILE)?;
            life.step();
            match self.append {
                Append::Mapping => file.flush()?,
                Append::Buffer => file.file.sync_data().context("fdatasync")?,
            }
            life.step();
            self.flushed = file.end().min(self.committed);
        }
        Ok(())
    }

    /// The first record at or after this offset, past a blank if there is one, and where it ends.
    pub(crate) fn next_record(&self, mut offset: u64) -> Option<(Record<'_>, u64)> {
        while offset < self.committed {
            match self.look(offset)? {
                Found::Record(record) => return Some((record, offset + record.bytes as u64)),
                Found::Blank => offset = self.files.at(offset)?.end(),
                Found::Nothing => return None,
            }
        }
        None
    }

    /// What the mapping holds at this offset, even if that is behind the end of the log.
    pub(crate) fn look(&self, offset: u64) -> Option<Found<'_>> {
        let file = self.files.at(offset)?;
        Some(Found::at(&file.bytes()[file.place(offset)..]))
    }
}

const NO_FILE: &str = "no file of the log has this offset";
