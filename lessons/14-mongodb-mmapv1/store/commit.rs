//! Group commit, step by step, and what comes after it: remap and flush.

use anyhow::Result;

use super::Store;
use super::group::Group;

impl Store {
    /// Step 1, `PREPLOGBUFFER`: copies what was stored from the private views into a section.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        match &mut self.group {
            Some(group) => group.prepare(&mut self.views),
            None => Ok(()),
        }
    }

    /// Step 2, `WRITETOJOURNAL`: appends the section to the journal. From now on the group survives.
    pub(crate) fn write_journal(&mut self) -> Result<()> {
        match &mut self.group {
            Some(group) => group.write_journal(&mut self.views),
            None => Ok(()),
        }
    }

    /// Step 3, `WRITETODATAFILES`: copies the same bytes into the shared views.
    pub(crate) fn write_data_files(&mut self) -> Result<()> {
        match &mut self.group {
            Some(group) => group.write_data_files(&mut self.views),
            None => Ok(()),
        }
    }

    /// The three steps of a group commit. Without a journal there is nothing to do.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.prepare()?;
        self.write_journal()?;
        self.write_data_files()
    }

    /// Step 4, `REMAPPRIVATEVIEW`: maps the private views anew, so that their copies are gone.
    pub(crate) fn remap(&mut self) -> Result<()> {
        if let Some(group) = &self.group {
            group.require_nothing_pending(&self.views)?;
        }
        self.views.remap()
    }

    /// The background flush: msync(2) of every file.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.views.flush()?;
        if let Some(group) = &mut self.group {
            group.files_are_flushed();
        }
        Ok(())
    }

    /// After a flush: what it made superfluous in the journal goes.
    pub(crate) fn trim_journal(&mut self) -> Result<()> {
        match &mut self.group {
            Some(group) => group.trim(&mut self.views),
            None => Ok(()),
        }
    }

    /// Bytes of the section that was prepared last, as they are in the journal.
    pub(crate) fn section_bytes(&self) -> usize {
        self.group.as_ref().map_or(0, Group::section_bytes)
    }

    /// Bytes that were written to the journal since the store was opened.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.group.as_ref().map_or(0, Group::journal_bytes)
    }
}
