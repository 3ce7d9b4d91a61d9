//! One file of the store, mapped twice (`durable_mapped_file.cpp`).

use std::fs::File;
use std::path::Path;

use anyhow::Result;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};

use super::Durability;
use super::zeros::open_filled;

pub(crate) struct DataFile {
    pub(super) file: File,
    /// The kernel may write a store into this view to the file at any moment.
    pub(super) shared: MappingMut,
    /// A store into this view stays in this process. Without a journal there is no such view.
    pub(super) private: Option<MappingMut>,
}

impl DataFile {
    /// Opens or makes a file of this length, and maps it.
    pub(super) fn open(path: &Path, bytes: usize, durability: Durability) -> Result<Self> {
        let file = open_filled(path, bytes)?;
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

    /// The view that the database loads from.
    pub(super) fn view(&self) -> &[u8] {
        self.private.as_ref().unwrap_or(&self.shared)
    }

    /// The view that the database stores into.
    pub(super) fn view_mut(&mut self) -> &mut [u8] {
        self.private.as_mut().unwrap_or(&mut self.shared)
    }

    /// Maps the private view again over itself, which drops its copies.
    pub(super) fn remap(&mut self) -> Result<()> {
        match &mut self.private {
            Some(private) => private.map_again(&self.file, Sharing::Private),
            None => Ok(()),
        }
    }
}
