//! The commit log: records of all queues, one behind the other (`CommitLog`).
//!
//! Three offsets tell how far things have come: *wrote* (appended), *committed* (in the page cache) and
//! *flushed* (on the device). With stores into the mapping the first two are one.

use std::os::unix::fs::FileExt;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lessons::mapping::store_each_page;
use lessons::page_bytes;
use nix::time::{ClockId, clock_gettime};

use super::life::Life;
use super::record::{BLANK_BYTES, Found, Message, Placed, Record, blank};
use super::segments::{Segment, Segments};
use super::settings::{Append, Settings};

/// The longest record is encoded without allocating.
const RECORD_CAPACITY: usize = 64 << 10;
/// The buffer is written when so many pages have come together (`commitCommitLogLeastPages`).
const COMMIT_PAGES: usize = 4;

/// Where a record stands in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) offset: u64,
    pub(crate) bytes: usize,
}

pub(crate) struct CommitLog {
    pub(crate) segments: Segments,
    append: Append,
    wrote: u64,
    committed: u64,
    flushed: u64,
    newest_ms: u64,
    /// The record that is being made.
    record: Vec<u8>,
    /// What was appended and is not committed; empty with stores into the mapping.
    buffer: Vec<u8>,
}

impl CommitLog {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let directory = settings.home.join("commitlog");
        let segments = Segments::load(directory, settings.log_file_bytes)?;
        let (wrote, buffer) = (
            segments.end(),
            COMMIT_PAGES * page_bytes() + RECORD_CAPACITY,
        );
        Ok(CommitLog {
            segments,
            append: settings.append,
            wrote,
            committed: wrote,
            flushed: wrote,
            newest_ms: 0,
            record: touched(RECORD_CAPACITY),
            buffer: touched(buffer),
        })
    }

    /// Bytes of each file.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.segments.file_bytes as u64
    }

    /// Whether there is a buffer, and the last message has caused it to be written.
    pub(crate) fn has_empty_buffer(&self) -> bool {
        self.append == Append::Buffer && self.buffer.is_empty()
    }

    /// The end of what was appended.
    pub(crate) fn wrote(&self) -> u64 {
        self.wrote
    }

    /// Says where the log ends, and up to where it is known to be on the device: what a dead broker has left
    /// in the page cache need not be.
    pub(crate) fn set_end(&mut self, end: u64, flushed: u64) {
        (self.wrote, self.committed, self.flushed) = (end, end, flushed);
    }

    /// Makes files ahead of time, for so many more bytes (`AllocateMappedFileService`).
    pub(crate) fn allocate(&mut self, more_bytes: u64, life: &mut Life) -> Result<()> {
        while self.segments.end() < self.wrote + more_bytes {
            self.segments.grow(life)?;
        }
        Ok(())
    }

    /// Stores a zero into every page of every file, so that no append has to (`warmMappedFile`). How many pages.
    pub(crate) fn warm_up(&mut self) -> u64 {
        let files = self.segments.files.iter_mut();
        files.map(|file| store_each_page(file.bytes_mut(), 0)).sum()
    }

    pub(crate) fn append(
        &mut self,
        message: &Message,
        queue_offset: u64,
        life: &mut Life,
    ) -> Result<Place> {
        let bytes = message.record_bytes();
        self.make_room(bytes, life)?;
        let placed = Placed {
            queue_offset,
            offset: self.wrote,
            stored_ms: now_ms()?.max(self.newest_ms),
        };
        let mut record = std::mem::take(&mut self.record);
        let put = message
            .encode(placed, &mut record)
            .and_then(|()| self.put(&record, life));
        self.record = record;
        put?;
        self.newest_ms = placed.stored_ms;
        Ok(Place {
            offset: placed.offset,
            bytes,
        })
    }

    /// A record never stands in two files, and behind it there is always room for a blank.
    fn make_room(&mut self, bytes: usize, life: &mut Life) -> Result<()> {
        if self.wrote == self.segments.end() {
            self.segments.grow(life)?;
        }
        let end = self.segment(self.wrote)?.end();
        let rest = (end - self.wrote) as usize;
        if bytes + BLANK_BYTES <= rest {
            return Ok(());
        }
        self.put(&blank(rest), life)?;
        self.commit(life)?;
        (self.wrote, self.committed) = (end, end);
        if end == self.segments.end() {
            self.segments.grow(life)?;
        }
        let whole = (self.segment(end)?.end() - end) as usize;
        ensure!(
            bytes + BLANK_BYTES <= whole,
            "a record of {bytes} bytes does not fit into a file of {whole}"
        );
        Ok(())
    }

    fn put(&mut self, bytes: &[u8], life: &mut Life) -> Result<()> {
        let end = self.wrote + bytes.len() as u64;
        match self.append {
            Append::Mapping => {
                let segment = self.segments.at_mut(self.wrote).context(NO_FILE)?;
                let place = segment.place(self.wrote);
                life.store(&mut segment.bytes_mut()[place..place + bytes.len()], bytes);
                (self.wrote, self.committed) = (end, end);
            }
            Append::Buffer => {
                life.work(bytes, |bytes| self.buffer.extend_from_slice(bytes));
                self.wrote = end;
                if self.buffer.len() >= COMMIT_PAGES * page_bytes() {
                    self.commit(life)?;
                }
            }
        }
        Ok(())
    }

    /// Hands over to the page cache what stands in the buffer.
    pub(crate) fn commit(&mut self, life: &mut Life) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let segment = self.segments.at(self.committed).context(NO_FILE)?;
        let place = segment.place(self.committed) as u64;
        life.step();
        life.work(&self.buffer, |bytes| {
            segment.file.write_all_at(bytes, place)
        })
        .context("pwrite(commit log)")?;
        life.step();
        self.committed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Waits until the log is on the device. The time of the newest message there, if there was something to do.
    pub(crate) fn flush(&mut self, life: &mut Life) -> Result<Option<u64>> {
        self.commit(life)?;
        while self.flushed < self.committed {
            let segment = self.segments.at(self.flushed).context(NO_FILE)?;
            life.step();
            match self.append {
                Append::Mapping => segment.flush()?,
                Append::Buffer => segment.file.sync_data().context("fdatasync")?,
            }
            life.step();
            self.flushed = segment.end().min(self.committed);
        }
        Ok((self.newest_ms > 0).then_some(self.newest_ms))
    }

    /// The record that stands at this offset, or at the beginning of the next file if the rest of this one is
    /// blank, and where it ends.
    pub(crate) fn next_record(&self, mut offset: u64) -> Option<(Record<'_>, u64)> {
        while offset < self.committed {
            match self.look(offset)? {
                Found::Record(record) => {
                    return Some((record, offset + record.bytes as u64));
                }
                Found::Blank => offset = self.segments.at(offset)?.end(),
                Found::Nothing => return None,
            }
        }
        None
    }

    /// What stands there, whether or not the log goes so far.
    pub(crate) fn look(&self, offset: u64) -> Option<Found<'_>> {
        let segment = self.segments.at(offset)?;
        Some(Found::at(&segment.bytes()[segment.place(offset)..]))
    }

    /// A record as a reader sees it: a piece of the mapping, no copy of it.
    pub(crate) fn slice(&self, place: Place) -> Option<&[u8]> {
        self.segments.slice(place.offset, place.bytes)
    }

    fn segment(&self, offset: u64) -> Result<&Segment> {
        self.segments.at(offset).context(NO_FILE)
    }
}

const NO_FILE: &str = "no file of the log has this offset";

/// An empty vector whose memory is there.
fn touched(capacity: usize) -> Vec<u8> {
    let mut bytes = vec![0xA5; capacity];
    std::hint::black_box(&mut bytes[..]);
    bytes.clear();
    bytes
}

/// In ms since 1970. The coarse clock, because it can be read without a system call on every machine: it
/// does not need a clock source that user mode can read (`do_coarse` in lib/vdso/gettimeofday.c).
fn now_ms() -> Result<u64> {
    let now = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).context("clock_gettime")?;
    u64::try_from(Duration::from(now).as_millis()).context("the clock stands far in the future")
}
