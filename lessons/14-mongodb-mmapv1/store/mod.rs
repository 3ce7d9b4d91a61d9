//! A store in the manner of MongoDB's `MMAPv1`, small enough to be read in one sitting.
//!
//! Begin with `operations.rs`, what a client asks for; `records.rs` and `extents.rs` find room for it.
//! All of them store through `views.rs` into memory. `commit.rs` takes what was stored to the journal and
//! to the data files, and `recovery.rs` reads the journal after a crash. `check.rs` says whether a store is
//! whole. Names of the original's files stand where something was taken from them.
//!
//! What is simpler here than there:
//! - files, extents and the catalogue are about a 64th as large, and no file is made ahead of need;
//! - one database with one collection of three fixed namespaces, documents of fixed fields and no BSON;
//! - an index is a hash table of pages with a fixed number of buckets, and no B-tree;
//! - free space is found by its class alone, and neighbours that are free are not merged;
//! - sections are not compressed, carry a CRC-32, and are numbered by groups instead of milliseconds;
//! - a journal file is begun at a flush, not at a size, and none is made ahead of need;
//! - the making of a data file is not journaled: it happens before anything refers to the file;
//! - one client, no threads, locks and clock: the caller says when a step is taken, and a remap takes all
//!   files at once.

use std::path::Path;

use anyhow::{Context, Result};

mod catalog;
mod check;
mod commit;
mod data_file;
mod disk_loc;
mod document;
mod extents;
mod group;
mod index;
mod intents;
mod journal;
mod operations;
mod records;
mod recovery;
mod schedule;
mod section;
mod sizes;
mod steps;
mod views;

pub(crate) use disk_loc::DiskLoc;
pub(crate) use document::compose;
pub(crate) use operations::Update;
pub(crate) use recovery::Recovery;
pub(crate) use schedule::{TICKS_PER_FLUSH, TICKS_PER_REMAP};
pub(crate) use sizes::RECORD_HEADER_BYTES;
pub(crate) use steps::Steps;

use catalog::Namespace;
use group::Group;
use intents::Intents;
use section::SectionBuffer;
use views::Views;

/// What protects the store from a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Durability {
    /// A journal, and two views of each file.
    Journal,
    /// Nothing: one shared view, stored into directly (`--nojournal`).
    Nothing,
}

/// What a store is opened with.
pub(crate) struct Options {
    pub(crate) durability: Durability,
    /// For so many documents the indexes are made.
    pub(crate) documents: u64,
    /// Bytes of a group, with what the journal adds to them.
    pub(crate) group_bytes: usize,
    /// Stores of a group.
    pub(crate) group_stores: usize,
    pub(crate) steps: Steps,
}

/// An open store.
pub(crate) struct Store {
    views: Views,
    /// None without a journal.
    group: Option<Group>,
    recovery: Recovery,
}

impl Store {
    /// Opens the store in this directory, recovers what a crash has left, and makes what is missing.
    pub(crate) fn open(directory: &Path, options: Options) -> Result<Self> {
        let Options { durability, .. } = options;
        let intents = Intents::with_room_for(options.group_stores);
        let mut views = Views::open(directory, durability, intents, options.steps)?;
        let mut recovery = Recovery::default();
        let mut group = None;
        if durability == Durability::Journal {
            let journal = directory.join("journal");
            std::fs::create_dir_all(&journal).context("making the journal's directory")?;
            recovery = recovery::recover(&journal, &mut views)?;
            let section = SectionBuffer::new(options.group_bytes)?;
            group = Some(Group::after(recovery.last, journal, section)?);
        }
        let mut store = Store {
            views,
            group,
            recovery,
        };
        store.make(options.documents)?;
        Ok(store)
    }

    /// Catalogue and indexes, in one group.
    fn make(&mut self, documents: u64) -> Result<()> {
        if self.views.has_catalog()? {
            return Ok(());
        }
        self.views.make_catalog()?;
        for index in Namespace::INDEXES {
            self.views.make_index(index, documents)?;
        }
        self.commit()
    }

    /// What opening it found in the journal.
    pub(crate) fn recovery(&self) -> Recovery {
        self.recovery
    }

    /// Pages that were stored into since the last group commit.
    pub(crate) fn touched_pages(&mut self) -> usize {
        self.views.intents.touched_pages()
    }

    /// Steps that were taken since it was opened, opening it included.
    pub(crate) fn steps(&self) -> u64 {
        self.views.steps.taken()
    }

    /// After so many more steps the process kills itself with SIGKILL.
    pub(crate) fn kill_after(&mut self, steps: u64) {
        self.views.steps.kill_after(steps);
    }

    /// The files as memory, to look at.
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }
}
