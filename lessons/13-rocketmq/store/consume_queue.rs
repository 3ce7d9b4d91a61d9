//! A consume queue: entry number `i` is at byte `20 * i`, so arithmetic finds a message by its number.

use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::entry::{ENTRY_BYTES, Entry};
use super::life::Life;
use super::mapped_files::{MappedFiles, Span};
use super::record::Record;
use super::settings::StoreSettings;

pub(crate) struct ConsumeQueue {
    topic: String,
    pub(crate) number: u32,
    /// Messages that have an entry.
    pub(crate) entries: u64,
    /// The number that the next message gets.
    pub(crate) next: u64,
    files: MappedFiles,
}

impl ConsumeQueue {
    /// Maps the existing entries, up to the first one that was never written.
    pub(crate) fn load(settings: &StoreSettings, topic: &str, number: u32) -> Result<Self> {
        let directory: PathBuf = [topic, &number.to_string()].iter().collect();
        let directory = settings.home.join("consumequeue").join(directory);
        let file_bytes = settings.queue_file_entries * ENTRY_BYTES;
        let mut queue = ConsumeQueue {
            topic: topic.to_owned(),
            number,
            entries: 0,
            next: 0,
            files: MappedFiles::load(directory, file_bytes)?,
        };
        while queue.entry(queue.entries).is_some() {
            queue.entries += 1;
        }
        queue.next = queue.entries;
        Ok(queue)
    }

    pub(crate) fn is_named(&self, topic: &str, number: u32) -> bool {
        self.number == number && self.topic == topic
    }

    /// Reads an entry from the mapping.
    pub(crate) fn entry(&self, number: u64) -> Option<Entry> {
        Entry::decode(self.files.slice(Span {
            offset: number * ENTRY_BYTES as u64,
            bytes: ENTRY_BYTES,
        })?)
    }

    /// Adds the entry of a message.
    ///
    /// The product has used write(2) here since 2024: when a queue was deleted while somebody stored into its
    /// mapping, the whole broker died (issue 8405).
    pub(crate) fn put(&mut self, record: &Record, life: &mut Life) -> Result<()> {
        ensure!(
            record.queue_offset == self.entries,
            "message {} of {}/{} follows {} entries: the log and its index do not agree",
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
        let offset = self.entries * ENTRY_BYTES as u64;
        if offset == self.files.end() {
            self.files.grow(life)?;
        }
        let file = self.files.at(offset).context("no file for an entry")?;
        let place = file.place(offset) as u64;
        life.step();
        life.work(&entry.encode(), |bytes| {
            file.file.write_all_at(bytes, place)
        })
        .context("pwrite(consume queue)")?;
        self.entries += 1;
        self.next = self.next.max(self.entries);
        Ok(())
    }

    pub(crate) fn flush(&self) -> Result<()> {
        let mut files = self.files.files.iter();
        files.try_for_each(|file| file.file.sync_data().context("fdatasync"))
    }
}
