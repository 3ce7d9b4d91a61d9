//! The files of the store, opened and mapped.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Durability;
use super::data_file::DataFile;
use super::disk_loc::CATALOG;
use super::intents::Intents;
use super::sizes::{CATALOG_BYTES, file_bytes};
use super::steps::Steps;

/// The files, and what was stored into them since the last group commit.
pub(crate) struct Views {
    directory: PathBuf,
    pub(super) durability: Durability,
    /// The catalog, and after it the data files.
    pub(super) files: Vec<DataFile>,
    pub(super) intents: Intents,
    pub(super) steps: Steps,
}

impl Views {
    /// Opens all files; makes the catalog and the first data file if they are missing.
    pub(super) fn open(
        directory: &Path,
        durability: Durability,
        intents: Intents,
        steps: Steps,
    ) -> Result<Self> {
        let catalog = DataFile::open(&directory.join("db.ns"), CATALOG_BYTES, durability)?;
        let mut views = Views {
            directory: directory.to_owned(),
            durability,
            files: vec![catalog],
            intents,
            steps,
        };
        while views.data_files() == 0 || views.path(views.data_files()).exists() {
            views.add_file()?;
        }
        Ok(views)
    }

    fn path(&self, number: i32) -> PathBuf {
        self.directory.join(format!("db.{number}"))
    }

    /// Opens the next data file, or makes it.
    pub(super) fn add_file(&mut self) -> Result<()> {
        self.steps.begin()?;
        let number = self.data_files();
        let bytes = usize::try_from(file_bytes(number))?;
        let file = DataFile::open(&self.path(number), bytes, self.durability)?;
        // The fsync of the new file does not cover its name.
        let directory = File::open(&self.directory).context("opening the store's directory")?;
        directory.sync_all().context("fsync(directory)")?;
        self.files.push(file);
        Ok(())
    }

    /// The number of data files.
    pub(super) fn data_files(&self) -> i32 {
        self.files.len().cast_signed() as i32 - 1
    }

    pub(super) fn file(&self, number: i32) -> Result<&DataFile> {
        let file = index_of(number).and_then(|index| self.files.get(index));
        file.with_context(|| format!("the store has no data file {number}"))
    }

    pub(super) fn file_mut(&mut self, number: i32) -> Result<&mut DataFile> {
        let file = index_of(number).and_then(|index| self.files.get_mut(index));
        file.with_context(|| format!("the store has no data file {number}"))
    }
}

/// Where the file with this number is among all files.
fn index_of(number: i32) -> Option<usize> {
    match number {
        CATALOG => Some(0),
        _ => Some(usize::try_from(number).ok()? + 1),
    }
}
