//! Group commit, step by step, and what follows it: remap and flush.

use std::path::Path;

use anyhow::{Result, ensure};

use super::Store;
use super::journal::{Journal, write_lsn};
use super::section::{Section, SectionBuffer};

/// The journal, and how far the groups of updates have come. Groups are numbered from 1.
pub(super) struct Group {
    pub(super) journal: Journal,
    pub(super) section: SectionBuffer,
    /// The last group that was copied into a section.
    prepared: u64,
    /// The last group whose bytes are in the shared views.
    applied: u64,
    /// The last group whose bytes are on the device.
    flushed: u64,
}

impl Group {
    /// Begins a journal for the groups after number `last`.
    pub(super) fn after(last: u64, directory: &Path, section: SectionBuffer) -> Result<Self> {
        Ok(Group {
            journal: Journal::begin(directory, 0, last + 1)?,
            section,
            prepared: last,
            applied: last,
            flushed: last,
        })
    }
}

/// Without a journal a step of the commit has nothing to do.
impl Store {
    /// Step 1, `PREPLOGBUFFER`: copies what was stored from the private views into a section.
    pub(crate) fn prepare(&mut self) -> Result<()> {
        let (views, Some(group)) = (&mut self.views, &mut self.group) else {
            return Ok(());
        };
        views.steps.begin()?;
        views.intents.merge();
        let number = group.prepared + 1;
        group.section.begin(number, group.journal.file_id)?;
        for intent in views.intents.list() {
            let bytes = views.load(intent.place, usize::try_from(intent.bytes)?)?;
            group.section.add(intent.place, bytes)?;
        }
        group.section.finish()?;
        group.prepared = number;
        views.intents.clear();
        Ok(())
    }

    /// Step 2, `WRITETOJOURNAL`: appends the section to the journal. From now on the group survives.
    pub(crate) fn write_journal(&mut self) -> Result<()> {
        let Some(group) = &mut self.group else {
            return Ok(());
        };
        self.views.steps.begin()?;
        group.journal.append(group.section.bytes())
    }

    /// Step 3, `WRITETODATAFILES`: copies the same bytes from the section into the shared views.
    pub(crate) fn write_data_files(&mut self) -> Result<()> {
        let (views, Some(group)) = (&mut self.views, &mut self.group) else {
            return Ok(());
        };
        if let Some(section) = Section::read(group.section.bytes(), group.journal.file_id) {
            section.for_each(|place, bytes| views.store_shared(place, bytes))?;
        }
        group.applied = group.prepared;
        Ok(())
    }

    /// Takes the three steps of a group commit.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.prepare()?;
        self.write_journal()?;
        self.write_data_files()
    }

    /// Step 4, `REMAPPRIVATEVIEW`: maps the private views again, which drops their copies.
    pub(crate) fn remap(&mut self) -> Result<()> {
        if let Some(group) = &self.group {
            ensure!(
                self.views.intents.list().is_empty() && group.applied == group.prepared,
                "a remap would lose stores that are not in the data files; commit them first"
            );
        }
        self.views.remap()
    }

    /// Writes the dirty pages of every file to the device with msync(2).
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.views.flush()?;
        if let Some(group) = &mut self.group {
            group.flushed = group.applied;
        }
        Ok(())
    }

    /// Notes which groups the device has, and begins a new journal file if it has all of them.
    pub(crate) fn trim_journal(&mut self) -> Result<()> {
        let (views, Some(group)) = (&mut self.views, &mut self.group) else {
            return Ok(());
        };
        views.steps.begin()?;
        write_lsn(&group.journal.directory, group.flushed)?;
        if group.flushed == group.prepared {
            views.steps.begin()?;
            group.journal.begin_anew(group.prepared + 1)?;
        }
        Ok(())
    }
}
