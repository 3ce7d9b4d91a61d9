//! A small store in the manner of MongoDB's `MMAPv1`.
//!
//! The idea is in four files that can be read alone, in this order:
//! 1. `data_file.rs`: one file, mapped twice;
//! 2. `stores.rs`: loads and stores through one view or the other;
//! 3. `commit.rs`: the steps of a group commit, then remap and flush;
//! 4. `recovery.rs`: how the journal repairs the data files after a crash.
//!
//! `intents.rs`, `section.rs` and `journal.rs` serve the commit; `operations.rs`, `index.rs`, `records.rs` and
//! `extents.rs` lay out the data; `check.rs` finds out whether a store is intact.
//! File names of the original stand where something was taken from it.
//!
//! The original differs from this model as follows:
//! - its files, extents and catalog are about 64 times as large, and it makes files ahead of need;
//! - it has many databases of many collections of BSON documents, where this store has one collection of
//!   documents with fixed fields;
//! - its indexes are B-trees, not hash tables of fixed size;
//! - its records are powers of two up to 2 MiB only, and by default only from version 2.6 on;
//! - it merges neighboring free space;
//! - it compresses sections, hashes them differently and numbers them by milliseconds;
//! - it begins a journal file when the last one is large enough, not after a flush;
//! - it has clients, threads, locks and a clock, where our caller decides when a step is taken.

use std::path::Path;

use anyhow::{Context, Result};

mod catalog;
mod check;
mod commit;
mod data_file;
mod disk_loc;
mod document;
mod extents;
mod fields;
mod index;
mod intents;
mod journal;
mod observed;
mod operations;
mod records;
mod recovery;
mod schedule;
mod section;
mod sizes;
mod steps;
mod stores;
mod views;
mod zeros;

pub(crate) use disk_loc::DiskLoc;
pub(crate) use document::{HEADER_BYTES as DOCUMENT_HEADER_BYTES, compose};
pub(crate) use schedule::{TICKS_PER_FLUSH, TICKS_PER_REMAP};
pub(crate) use sizes::RECORD_HEADER_BYTES;
pub(crate) use steps::Steps;

use catalog::Namespace;
use commit::Group;
use intents::Intents;
use section::SectionBuffer;
use views::Views;

/// What protects the store from a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A journal, and two views of each file.
    Journal,
    /// One shared view and no journal (`--nojournal`).
    Nothing,
}

/// An open store.
pub(crate) struct Store {
    views: Views,
    /// `None` without a journal.
    group: Option<Group>,
    /// Sections that recovery copied from the journal.
    pub(crate) redone_sections: u64,
}

impl Store {
    /// Opens the store in this directory, recovers it after a crash, and makes what is missing.
    ///
    /// Indexes and journal are made for this many documents: a group can change eight bytes of each, or
    /// insert a thousand.
    pub(crate) fn open(
        directory: &Path,
        durability: Durability,
        documents: u64,
        steps: Steps,
    ) -> Result<Self> {
        let group_stores = 2 * documents as usize + (16 << 10);
        let group_bytes = 96 * documents as usize + (1 << 20);
        let intents = Intents::with_capacity(group_stores);
        let mut store = Store {
            views: Views::open(directory, durability, intents, steps)?,
            group: None,
            redone_sections: 0,
        };
        if durability == Durability::Journal {
            let journal = directory.join("journal");
            std::fs::create_dir_all(&journal).context("making the journal's directory")?;
            let recovered = recovery::recover(&journal, &mut store.views)?;
            store.redone_sections = recovered.redone_sections;
            let section = SectionBuffer::new(group_bytes)?;
            store.group = Some(Group::after(recovered.last, &journal, section)?);
        }
        if !store.views.has_catalog()? {
            store.views.make_catalog()?;
            for index in Namespace::INDEXES {
                store.views.make_index(index, documents)?;
            }
            store.commit()?;
        }
        Ok(store)
    }
}
