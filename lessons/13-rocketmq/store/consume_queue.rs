//! A consume queue: entry i stands at byte 20 i, so the i-th message of a queue is found by arithmetic.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::entry::{ENTRY_BYTES, Entry};
use super::life::Life;
use super::record::Record;
use super::segments::Segments;
use super::settings::Settings;

pub(crate) struct ConsumeQueue {
    pub(crate) topic: String,
    pub(crate) number: u32,
    /// Messages that have an entry.
    pub(crate) entries: u64,
    /// The place in the queue of the message that is appended next.
    pub(crate) next: u64,
    segments: Segments,
}

impl ConsumeQueue {
    /// Maps what is there, up to the first entry that was never written.
    pub(crate) fn load(settings: &Settings, topic: &str, number: u32) -> Result<Self> {
        let directory: PathBuf = [topic, &number.to_string()].iter().collect();
        let directory = settings.home.join("consumequeue").join(directory);
        let segments = Segments::load(directory, settings.queue_file_bytes())?;
        let mut queue = ConsumeQueue {
            topic: topic.to_owned(),
            number,
            entries: segments.start() / ENTRY_BYTES as u64,
            next: 0,
            segments,
        };
        while queue.entry(queue.entries).is_some() {
            queue.entries += 1;
        }
        queue.next = queue.entries;
        Ok(queue)
    }

    /// The i-th entry, by loads from the mapping.
    pub(crate) fn entry(&self, number: u64) -> Option<Entry> {
        let entry = self
            .segments
            .slice(number * ENTRY_BYTES as u64, ENTRY_BYTES);
        Entry::decode(entry?)
    }

    /// Writes the entry of a message; after a crash it may be there already, or a part of it.
    ///
    /// By write(2), as the product does since 2024: a queue that was deleted while somebody stored into its
    /// mapping killed the whole broker (issue 8405).
    pub(crate) fn put(&mut self, record: &Record, life: &mut Life) -> Result<()> {
        ensure!(
            record.queue_offset <= self.entries,
            "message {} of {}/{} follows {} entries: the log lacks messages between",
            record.queue_offset,
            self.topic,
            self.number,
            self.entries
        );
        let entry = Entry {
            offset: record.offset,
            bytes: u32::try_from(record.bytes)?,
            tag_code: record.tag_code,
        };
        if record.queue_offset < self.entries && self.entry(record.queue_offset) == Some(entry) {
            return Ok(());
        }
        let offset = record.queue_offset * ENTRY_BYTES as u64;
        if offset == self.segments.end() {
            self.segments.grow(life)?;
        }
        let segment = self.segments.at(offset).context("no file for an entry")?;
        let place = segment.place(offset) as u64;
        life.step();
        life.work(&entry.encode(), |bytes| {
            segment.file.write_all_at(bytes, place)
        })
        .context("pwrite(consume queue)")?;
        self.entries = self.entries.max(record.queue_offset + 1);
        self.next = self.next.max(self.entries);
        Ok(())
    }

    /// Forgets the entries of messages that the log does not have.
    pub(crate) fn cut(&mut self, log_end: u64, life: &mut Life) -> Result<()> {
        let mut entries = self.entries;
        while entries > 0
            && self
                .entry(entries - 1)
                .is_none_or(|last| last.offset + u64::from(last.bytes) > log_end)
        {
            entries -= 1;
        }
        self.segments
            .remove_behind(entries * ENTRY_BYTES as u64, life)?;
        self.segments
            .clear_from(entries * ENTRY_BYTES as u64, life)?;
        (self.entries, self.next) = (entries, entries);
        Ok(())
    }

    pub(crate) fn flush(&self) -> Result<()> {
        let mut files = self.segments.files.iter();
        files.try_for_each(|segment| segment.file.sync_data().context("fdatasync"))
    }
}
