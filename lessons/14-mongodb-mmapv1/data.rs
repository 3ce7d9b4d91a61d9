//! The stores of the scenarios: filled, flushed, remapped, and all in memory.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::{Scenario, page_bytes};

use crate::store::{Durability, Options, Steps, Store, compose};

/// Bytes of a document's record, with the 16 of its header.
const RECORD_BYTES: usize = 512;
/// Bytes of text in a document; its other fields have 32.
pub(crate) const TEXT_BYTES: usize = 400;
/// So many more fill the record to its last byte.
pub(crate) const SPARE_BYTES: usize = RECORD_BYTES - 16 - 32 - TEXT_BYTES;

/// How many documents are inserted between two group commits.
pub(crate) const DOCUMENTS_PER_GROUP: u64 = 1024;

/// What a scenario works with.
pub(crate) struct Data {
    /// The directory that only this scenario has.
    pub(crate) place: PathBuf,
    pub(crate) documents: u64,
}

/// As many documents as have records of so many bytes together.
pub(crate) fn documents_of(bytes: usize) -> u64 {
    (bytes / RECORD_BYTES).max(1) as u64
}

/// For a store whose groups update all of so many documents, or insert a few hundred.
pub(crate) fn options(documents: u64, durability: Durability) -> Options {
    let in_memory = documents as usize;
    Options {
        durability,
        documents,
        group_bytes: 96 * in_memory + (1 << 20),
        group_stores: 2 * in_memory + 16 * DOCUMENTS_PER_GROUP as usize,
        steps: Steps::unlimited(),
    }
}

impl Data {
    /// The directory, empty; what an earlier attempt left there is gone.
    pub(crate) fn make_place(&self) -> Result<()> {
        if self.place.exists() {
            self.remove()?;
        }
        fs::create_dir(&self.place).with_context(|| format!("making {}", self.place.display()))
    }

    /// Whatever is dirty there is thrown away with it.
    pub(crate) fn remove(&self) -> Result<()> {
        fs::remove_dir_all(&self.place)
            .with_context(|| format!("removing {}", self.place.display()))
    }

    /// A store with all documents, on the device and in memory; its private views have no copies.
    pub(crate) fn store(&self, scenario: &Scenario) -> Result<Store> {
        self.make_place()?;
        let mut store = Store::open(&self.place, options(self.documents, Durability::Journal))?;
        fill(&mut store, self.documents)?;
        scenario.expect_no_input();
        let (mut resident, mut pages) = (0, 0);
        for file in store.views().all() {
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

/// Inserts documents 0, 1, 2 … and has everything written.
pub(crate) fn fill(store: &mut Store, documents: u64) -> Result<()> {
    let mut document = Vec::new();
    for key in 0..documents {
        compose(&mut document, key, 0, TEXT_BYTES);
        store.insert(&document)?;
        if key % DOCUMENTS_PER_GROUP == 0 {
            store.commit()?;
        }
    }
    store.commit()?;
    store.flush()?;
    store.trim_journal()?;
    store.remap()
}

/// Loads every byte of all documents, by way of the index.
pub(crate) fn read_all(store: &Store, documents: u64) -> Result<()> {
    for key in 0..documents {
        std::hint::black_box(lessons::mapping::sum(store.find(key)?));
    }
    Ok(())
}

/// Bytes of the private views that belong to no file: their copies.
pub(crate) fn copies_bytes(store: &Store) -> Result<i64> {
    let mut kib = 0;
    for private in store.views().all().filter_map(|file| file.private()) {
        kib += area_at(private.as_ptr().addr() as u64)?.anonymous_kib;
    }
    Ok((kib * 1024).cast_signed())
}
