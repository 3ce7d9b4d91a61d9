//! The group that is being committed, from the stores in the private views to the data files.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::journal::{self, Journal};
use super::section::{Section, SectionBuffer};
use super::views::Views;

/// How far the group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Stores are being collected.
    Open,
    /// They have been copied into a section.
    Prepared,
    /// The section is in the journal.
    Journaled,
}

/// A group, and the journal that it goes to.
pub(super) struct Group {
    directory: PathBuf,
    journal: Journal,
    section: SectionBuffer,
    stage: Stage,
    /// Its number.
    number: u64,
    /// Number of the last group that was in the data files when they were flushed.
    flushed: u64,
}

impl Group {
    /// The first group after the one with number `last`.
    pub(super) fn after(last: u64, directory: PathBuf, section: SectionBuffer) -> Result<Self> {
        let number = last + 1;
        Ok(Group {
            journal: Journal::begin(&directory, 0, number)?,
            directory,
            section,
            stage: Stage::Open,
            number,
            flushed: last,
        })
    }

    pub(super) fn prepare(&mut self, views: &mut Views) -> Result<()> {
        self.require(Stage::Open)?;
        views.steps.begin()?;
        views.intents.merge();
        self.section.begin(self.number, self.journal.file_id)?;
        for intent in views.intents.iter() {
            let bytes = views.load(intent.place, intent.bytes.unsigned_abs() as usize)?;
            self.section.add(intent.place, bytes)?;
        }
        self.section.finish()?;
        views.intents.clear();
        self.stage = Stage::Prepared;
        Ok(())
    }

    pub(super) fn write_journal(&mut self, views: &mut Views) -> Result<()> {
        self.require(Stage::Prepared)?;
        views.steps.begin()?;
        self.journal.append(self.section.bytes())?;
        self.stage = Stage::Journaled;
        Ok(())
    }

    pub(super) fn write_data_files(&mut self, views: &mut Views) -> Result<()> {
        self.require(Stage::Journaled)?;
        let section = Section::read(self.section.bytes(), self.journal.file_id);
        if let Some(section) = section {
            section.for_each(|place, bytes| views.store_shared(place, bytes))?;
        }
        self.number += 1;
        self.stage = Stage::Open;
        Ok(())
    }

    /// The data files are on the device.
    pub(super) fn files_are_flushed(&mut self) {
        self.flushed = self.number - 1;
    }

    /// Notes what the flush has made superfluous, and begins a new journal file if all of the old one is.
    pub(super) fn trim(&mut self, views: &mut Views) -> Result<()> {
        views.steps.begin()?;
        journal::write_lsn(&self.directory, self.flushed)?;
        if self.flushed + 1 == self.number && self.stage == Stage::Open {
            views.steps.begin()?;
            self.journal.begin_anew(self.number)?;
        }
        Ok(())
    }

    /// A remap drops what the private views have of their own: it must be in the files by then.
    pub(super) fn require_nothing_pending(&self, views: &Views) -> Result<()> {
        self.require(Stage::Open)?;
        ensure!(
            views.intents.is_empty(),
            "{} stores are in no journal yet, and a remap would lose them; commit first",
            views.intents.len()
        );
        Ok(())
    }

    /// Bytes that the section has in the journal.
    pub(super) fn section_bytes(&self) -> usize {
        self.section.bytes().len()
    }

    /// Bytes that were written to the journal since the store was opened.
    pub(super) fn journal_bytes(&self) -> u64 {
        self.journal.written_bytes
    }

    fn require(&self, stage: Stage) -> Result<()> {
        ensure!(
            self.stage == stage,
            "this step needs a group that is {stage:?}, and it is {:?}",
            self.stage
        );
        Ok(())
    }
}
