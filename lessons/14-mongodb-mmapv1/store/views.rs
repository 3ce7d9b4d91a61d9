//! All files of the store as memory: loads, and stores that are declared before they happen.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::data_file::DataFile;
use super::disk_loc::{CATALOG, DiskLoc};
use super::intents::Intents;
use super::sizes::file_bytes;
use super::steps::Steps;
use super::{Durability, catalog};

/// The files and what was stored into them since the last group commit.
pub(crate) struct Views {
    directory: PathBuf,
    durability: Durability,
    catalog: DataFile,
    files: Vec<DataFile>,
    pub(super) intents: Intents,
    pub(super) steps: Steps,
}

impl Views {
    /// Opens what is there, and makes what must be.
    pub(super) fn open(
        directory: &Path,
        durability: Durability,
        intents: Intents,
        steps: Steps,
    ) -> Result<Self> {
        let catalog = directory.join("db.ns");
        let mut views = Views {
            directory: directory.to_owned(),
            durability,
            catalog: DataFile::open(&catalog, catalog::BYTES, durability)?,
            files: Vec::new(),
            intents,
            steps,
        };
        while views.files.is_empty() || views.path(views.files.len()).exists() {
            views.add_file()?;
        }
        Ok(views)
    }

    fn path(&self, number: usize) -> PathBuf {
        self.directory.join(format!("db.{number}"))
    }

    /// One more data file, twice as large as the last one.
    pub(super) fn add_file(&mut self) -> Result<()> {
        self.steps.begin()?;
        let number = self.files.len();
        let bytes = file_bytes(i32::try_from(number)?).unsigned_abs() as usize;
        let file = DataFile::open(&self.path(number), bytes, self.durability)?;
        // The name must not be lost either.
        let directory = File::open(&self.directory).context("opening the store's directory")?;
        directory.sync_all().context("fsync(directory)")?;
        self.files.push(file);
        Ok(())
    }

    /// How many data files there are.
    pub(super) fn file_count(&self) -> usize {
        self.files.len()
    }

    /// The catalogue and the data files.
    pub(crate) fn all(&self) -> impl Iterator<Item = &DataFile> {
        std::iter::once(&self.catalog).chain(&self.files)
    }

    pub(crate) fn file(&self, number: i32) -> Result<&DataFile> {
        if number == CATALOG {
            return Ok(&self.catalog);
        }
        let file = usize::try_from(number).ok().and_then(|n| self.files.get(n));
        file.with_context(|| format!("there is no data file {number}"))
    }

    pub(super) fn file_mut(&mut self, number: i32) -> Result<&mut DataFile> {
        if number == CATALOG {
            return Ok(&mut self.catalog);
        }
        let files = &mut self.files;
        let file = usize::try_from(number).ok().and_then(|n| files.get_mut(n));
        file.with_context(|| format!("there is no data file {number}"))
    }

    /// The bytes at a place, as the database sees them.
    pub(super) fn load(&self, place: DiskLoc, bytes: usize) -> Result<&[u8]> {
        let start = usize::try_from(place.offset).ok();
        let range = start.map(|start| start..start.saturating_add(bytes));
        let view = self.file(place.file)?.view();
        range
            .and_then(|range| view.get(range))
            .with_context(|| format!("{place:?} and {bytes} bytes do not lie in the file"))
    }

    /// Stores bytes: the intent first, then the bytes (`dur::writingPtr` in `dur.h`).
    pub(super) fn store(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        let length = i32::try_from(bytes.len())?;
        self.steps.begin()?;
        if self.durability == Durability::Journal {
            self.intents.declare(place, length)?;
        }
        let start = usize::try_from(place.offset)?;
        let view = self.file_mut(place.file)?.view_mut();
        let target = view.get_mut(start..start + bytes.len());
        let target = target
            .with_context(|| format!("{place:?} and {length} bytes do not lie in the file"))?;
        target.copy_from_slice(bytes);
        Ok(())
    }

    /// Copies journaled bytes to where the kernel may write them from.
    pub(super) fn store_shared(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        self.steps.begin()?;
        let start = usize::try_from(place.offset)?;
        let view = &mut self.file_mut(place.file)?.shared;
        let target = view.get_mut(start..start.saturating_add(bytes.len()));
        let target = target.with_context(|| {
            let length = bytes.len();
            format!("the journal has {length} bytes for {place:?}, which lie outside of the file")
        })?;
        target.copy_from_slice(bytes);
        Ok(())
    }

    fn array<const BYTES: usize>(&self, place: DiskLoc) -> Result<[u8; BYTES]> {
        Ok(self.load(place, BYTES)?.try_into()?)
    }

    pub(super) fn load_i32(&self, place: DiskLoc) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array(place)?))
    }

    pub(super) fn load_u64(&self, place: DiskLoc) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(place)?))
    }

    pub(super) fn load_loc(&self, place: DiskLoc) -> Result<DiskLoc> {
        Ok(DiskLoc::from_bytes(self.array(place)?))
    }

    pub(super) fn store_i32(&mut self, place: DiskLoc, value: i32) -> Result<()> {
        self.store(place, &value.to_le_bytes())
    }

    pub(super) fn store_u64(&mut self, place: DiskLoc, value: u64) -> Result<()> {
        self.store(place, &value.to_le_bytes())
    }

    pub(super) fn store_loc(&mut self, place: DiskLoc, value: DiskLoc) -> Result<()> {
        self.store(place, &value.to_bytes())
    }

    /// Maps the private views anew: their copies are gone, and they show the files.
    pub(super) fn remap(&mut self) -> Result<()> {
        let Views {
            catalog,
            files,
            steps,
            ..
        } = self;
        for file in std::iter::once(catalog).chain(files) {
            steps.begin()?;
            file.remap()?;
        }
        Ok(())
    }

    /// Has everything written that was stored into the shared views, and waits for it.
    pub(super) fn flush(&mut self) -> Result<()> {
        let Views {
            catalog,
            files,
            steps,
            ..
        } = self;
        for file in std::iter::once(catalog).chain(files) {
            steps.begin()?;
            file.shared.flush()?;
        }
        Ok(())
    }
}
