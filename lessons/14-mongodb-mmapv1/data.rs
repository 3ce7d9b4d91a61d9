//! The stores of the scenarios: filled, flushed, remapped, and all in memory.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::{Scenario, page_bytes};

use crate::store::{Durability, Options, Steps, Store, compose};

/// Bytes of a document's record, header included.
const RECORD_BYTES: usize = 512;
/// Bytes of text in a document: with 32 bytes of fields and 16 of the record's header, 448 in a record of 512.
pub(crate) const TEXT_BYTES: usize = 400;
/// As many more fill the record to its last byte.
pub(crate) const SPARE_BYTES: usize = RECORD_BYTES - 16 - 32 - TEXT_BYTES;

/// How many documents are inserted between two group commits.
const DOCUMENTS_PER_GROUP: u64 = 256;

/// What a scenario works with.
pub(crate) struct Data {
    pub(crate) directory: PathBuf,
    pub(crate) documents: u64,
}

/// As many documents as have records of so many bytes together.
pub(crate) fn documents_of(bytes: usize) -> u64 {
    (bytes / RECORD_BYTES).max(1) as u64
}

/// For a store with so many documents: a group may update all of them, or move a few hundred.
pub(crate) fn options(documents: u64, durability: Durability) -> Options {
    let documents_in_memory = documents as usize;
    Options {
        durability,
        documents,
        group_bytes: 96 * documents_in_memory + (1 << 20),
        group_stores: 2 * documents_in_memory + 16 * DOCUMENTS_PER_GROUP as usize,
        steps: Steps::unlimited(),
    }
}

impl Data {
    /// An empty directory for the store of this scenario; what an earlier attempt left there is gone.
    pub(crate) fn place(&self, name: &str) -> Result<PathBuf> {
        let place = self.directory.join(name);
        if place.exists() {
            remove(&place)?;
        }
        fs::create_dir(&place).with_context(|| format!("making {}", place.display()))?;
        Ok(place)
    }

    /// A store with all documents, on the device and in memory; no page of it is in the private views.
    pub(crate) fn store(&self, scenario: &Scenario, name: &str) -> Result<Store> {
        let place = self.place(name)?;
        let mut store = Store::open(&place, options(self.documents, Durability::Journal))?;
        fill(&mut store, self.documents)?;
        scenario.expect_no_input();
        let mut resident = 0;
        let mut pages = 0;
        for file in store.views().all() {
            resident += file.resident_pages()?;
            pages += (file.shared().len() / page_bytes()) as u64;
        }
        if resident < pages {
            scenario.spoil();
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

/// Loads all documents, by way of the index.
pub(crate) fn read_all(store: &Store, documents: u64) -> Result<u64> {
    let mut bytes = 0;
    for key in 0..documents {
        let document = store.find(key)?;
        bytes += document.len() as u64;
        std::hint::black_box(lessons::mapping::sum(document));
    }
    Ok(bytes)
}

/// Bytes of the private views that belong to no file.
pub(crate) fn anonymous_bytes(store: &Store) -> Result<i64> {
    let mut kib = 0;
    for file in store.views().all() {
        if let Some(private) = file.private() {
            kib += area_at(private.as_ptr().addr() as u64)?.anonymous_kib;
        }
    }
    Ok((kib * 1024).cast_signed())
}

pub(crate) fn remove(place: &Path) -> Result<()> {
    fs::remove_dir_all(place).with_context(|| format!("removing {}", place.display()))
}
