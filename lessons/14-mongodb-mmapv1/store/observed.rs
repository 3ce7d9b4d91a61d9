//! What a lesson can ask an open store and its files.

use anyhow::{Context, Result};
use lessons::data::resident_pages;

use super::Store;
use super::data_file::DataFile;

impl Store {
    /// The catalog and the data files, in this order.
    pub(crate) fn files(&self) -> &[DataFile] {
        &self.views.files
    }

    pub(crate) fn file(&self, number: i32) -> Result<&DataFile> {
        self.views.file(number)
    }

    /// Pages stored into since the last group commit.
    pub(crate) fn touched_pages(&mut self) -> usize {
        self.views.intents.touched_pages()
    }

    /// Bytes of the last section, as they are in the journal.
    pub(crate) fn section_bytes(&self) -> usize {
        let group = self.group.as_ref();
        group.map_or(0, |group| group.section.bytes().len())
    }

    /// Bytes written to the journal since the store was opened.
    pub(crate) fn journal_bytes(&self) -> u64 {
        let group = self.group.as_ref();
        group.map_or(0, |group| group.journal.written_bytes)
    }

    /// Steps taken so far, including those that opened the store.
    pub(crate) fn steps(&self) -> u64 {
        self.views.steps.taken()
    }
}

impl DataFile {
    pub(crate) fn shared(&self) -> &[u8] {
        &self.shared
    }

    pub(crate) fn private(&self) -> Option<&[u8]> {
        self.private.as_deref()
    }

    pub(crate) fn file_bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().context("fstat")?.len())
    }

    pub(crate) fn resident_pages(&self) -> Result<u64> {
        resident_pages(&self.file, self.shared.len())
    }
}
