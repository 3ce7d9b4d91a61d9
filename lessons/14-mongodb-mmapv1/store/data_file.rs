//! One file of the store, mapped twice.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use lessons::data::resident_pages;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};

use super::Durability;

/// New files are filled in such pieces, which makes small folios: a store then dirties one page.
const PIECE_BYTES: usize = 4096;

/// A file and its views (`durable_mapped_file.cpp`).
pub(crate) struct DataFile {
    file: File,
    /// What is stored here, the kernel may write to the file at any moment.
    pub(super) shared: MappingMut,
    /// What is stored here stays in this process. Without a journal there is no such view.
    private: Option<MappingMut>,
}

impl DataFile {
    /// Opens it and maps it; what is missing of its length, all of it if it is new, is filled with zeros.
    pub(super) fn open(path: &Path, bytes: usize, durability: Durability) -> Result<Self> {
        let context = || format!("opening {}", path.display());
        let mut file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .with_context(context)?;
        let mut present = usize::try_from(file.metadata().with_context(context)?.len())?;
        if present < bytes {
            let zeros = [0; PIECE_BYTES];
            while present < bytes {
                let piece = PIECE_BYTES.min(bytes - present);
                file.write_all(&zeros[..piece])
                    .with_context(|| format!("filling {} with zeros", path.display()))?;
                present += piece;
            }
            file.sync_all().with_context(context)?;
        }
        let map = |sharing| Reserved::new(bytes)?.map_mut(&file, sharing, Filling::OnDemand);
        let shared = map(Sharing::Shared)?;
        let private = match durability {
            Durability::Journal => Some(map(Sharing::Private)?),
            Durability::Nothing => None,
        };
        Ok(DataFile {
            file,
            shared,
            private,
        })
    }

    /// The shared view, to look at.
    pub(crate) fn shared(&self) -> &[u8] {
        &self.shared
    }

    /// The private view, if there is one.
    pub(crate) fn private(&self) -> Option<&[u8]> {
        self.private.as_deref()
    }

    /// Bytes of the file, as the kernel says.
    pub(crate) fn file_bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().context("fstat")?.len())
    }

    /// Pages of the file that are in the page cache.
    pub(crate) fn resident_pages(&self) -> Result<u64> {
        resident_pages(&self.file, self.shared.len())
    }

    /// What the database looks at.
    pub(super) fn view(&self) -> &[u8] {
        self.private.as_ref().unwrap_or(&self.shared)
    }

    /// What it stores into.
    pub(super) fn view_mut(&mut self) -> &mut [u8] {
        self.private.as_mut().unwrap_or(&mut self.shared)
    }

    /// Maps the private view anew over itself: its copies are gone, and it shows the file.
    pub(super) fn remap(&mut self) -> Result<()> {
        match &mut self.private {
            Some(private) => private.map_again(&self.file, Sharing::Private),
            None => Ok(()),
        }
    }
}
