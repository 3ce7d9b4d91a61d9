//! Loads and stores through the views of the files.
//!
//! The database uses the private views and declares each store before it happens.
//! Only a group commit and recovery store into the shared views.

use anyhow::{Context, Result};

use super::Durability;
use super::disk_loc::DiskLoc;
use super::views::Views;

impl Views {
    /// Loads bytes as the database sees them.
    pub(super) fn load(&self, place: DiskLoc, bytes: usize) -> Result<&[u8]> {
        let view = self.file(place.file)?.view();
        let start = usize::try_from(place.offset)?;
        let range = view.get(start..start.saturating_add(bytes));
        range.with_context(|| format!("{bytes} bytes at {place:?} lie outside the file"))
    }

    /// Declares the intent and then stores the bytes (`dur::writingPtr` in `dur.h`).
    pub(super) fn store(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        self.steps.begin()?;
        if self.durability == Durability::Journal {
            self.intents.declare(place, i32::try_from(bytes.len())?)?;
        }
        copy(bytes, self.file_mut(place.file)?.view_mut(), place)
    }

    /// Stores bytes that the journal has where the kernel may write them to the file at any moment.
    pub(super) fn store_shared(&mut self, place: DiskLoc, bytes: &[u8]) -> Result<()> {
        self.steps.begin()?;
        copy(bytes, &mut self.file_mut(place.file)?.shared, place)
    }

    /// Maps the private views again: their copies are gone, and they show the files.
    pub(super) fn remap(&mut self) -> Result<()> {
        for file in &mut self.files {
            self.steps.begin()?;
            file.remap()?;
        }
        Ok(())
    }

    /// Writes everything stored into the shared views to the device.
    pub(super) fn flush(&mut self) -> Result<()> {
        for file in &self.files {
            self.steps.begin()?;
            file.shared.flush()?;
        }
        Ok(())
    }
}

fn copy(bytes: &[u8], view: &mut [u8], place: DiskLoc) -> Result<()> {
    let start = usize::try_from(place.offset)?;
    let target = view.get_mut(start..start.saturating_add(bytes.len()));
    let target = target.with_context(|| format!("a store at {place:?} lies outside the file"))?;
    target.copy_from_slice(bytes);
    Ok(())
}
