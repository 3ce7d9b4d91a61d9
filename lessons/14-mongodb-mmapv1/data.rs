//! The stores that the scenarios work on: filled, flushed, remapped and in memory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::{Scenario, page_bytes};

use crate::store::{DOCUMENT_HEADER_BYTES, Durability, RECORD_HEADER_BYTES, Steps, Store, compose};

/// Bytes of a document's record, header included.
pub(crate) const RECORD_BYTES: usize = 512;
/// Bytes of text in a document.
pub(crate) const TEXT_BYTES: usize = 400;
/// A document can grow by this much before its record is full.
pub(crate) const SPARE_BYTES: usize =
    RECORD_BYTES - RECORD_HEADER_BYTES as usize - DOCUMENT_HEADER_BYTES - TEXT_BYTES;

/// Documents that are inserted between two group commits.
const DOCUMENTS_PER_GROUP: u64 = 1024;

/// What a scenario works with.
pub(crate) struct Data {
    /// A directory for this scenario alone.
    pub(crate) directory: PathBuf,
    pub(crate) documents: u64,
}

/// The number of documents whose records take this many bytes together.
pub(crate) fn documents_of(bytes: usize) -> u64 {
    (bytes / RECORD_BYTES).max(1) as u64
}

impl Data {
    /// Makes the directory, after removing what an earlier attempt left there.
    pub(crate) fn make_directory(&self) -> Result<()> {
        if self.directory.exists() {
            self.remove()?;
        }
        fs::create_dir(&self.directory)
            .with_context(|| format!("making {}", self.directory.display()))
    }

    pub(crate) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.directory)
            .with_context(|| format!("removing {}", self.directory.display()))
    }

    /// Makes an empty store.
    pub(crate) fn empty_store(&self) -> Result<Store> {
        self.make_directory()?;
        let steps = Steps::default();
        Store::open(&self.directory, Durability::Journal, self.documents, steps)
    }

    /// Makes a store that holds all documents, on the device and in memory, and no private copies.
    pub(crate) fn store(&self, scenario: &Scenario) -> Result<Store> {
        let mut store = self.empty_store()?;
        fill(&mut store, self.documents, |_| TEXT_BYTES)?;
        store.flush()?;
        store.trim_journal()?;
        store.remap()?;
        scenario.expect_no_input();
        let (mut resident, mut pages) = (0, 0);
        for file in store.files() {
            resident += file.resident_pages()?;
            pages += (file.shared().len() / page_bytes()) as u64;
        }
        if resident < pages {
            scenario.mark_perturbed();
        }
        scenario.observe("resident_pages_before", resident.cast_signed());
        scenario.observe("file_pages", pages.cast_signed());
        Ok(store)
    }
}

/// Inserts documents 0, 1, 2 and so on, and commits them in groups.
pub(crate) fn fill(store: &mut Store, documents: u64, text_bytes: fn(u64) -> usize) -> Result<()> {
    let mut document = Vec::with_capacity(2 * RECORD_BYTES);
    for key in 0..documents {
        compose(&mut document, key, 0, text_bytes(key));
        store.insert(&document)?;
        if key % DOCUMENTS_PER_GROUP == 0 {
            store.commit()?;
        }
    }
    store.commit()
}

/// Loads every byte of every document, each found through the index.
pub(crate) fn read_all(store: &Store, documents: u64) -> Result<()> {
    for key in 0..documents {
        std::hint::black_box(lessons::mapping::sum(store.find(key)?));
    }
    Ok(())
}

/// Bytes of the private views that no longer belong to a file.
pub(crate) fn copies_bytes(store: &Store) -> Result<i64> {
    let mut kib = 0;
    for private in store.files().iter().filter_map(|file| file.private()) {
        kib += area_at(private.as_ptr().addr() as u64)?.anonymous_kib;
    }
    Ok((kib * 1024).cast_signed())
}
