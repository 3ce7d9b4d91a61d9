//! What a client asks for: insert, find, update, remove.

use anyhow::{Context, Result, ensure};

use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::document;
use super::index::Entry;
use super::sizes::RECORD_HEADER_BYTES;
use super::{Store, document::COUNTER_OFFSET};

/// How a document was updated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Update {
    /// Its record has room.
    InPlace,
    /// It has another record now, and every index another entry (`NeedsDocumentMove`).
    Moved,
}

impl Store {
    /// Adds a document; its key must be new.
    pub(crate) fn insert(&mut self, document: &[u8]) -> Result<()> {
        let keys = keys(document)?;
        for (index, key) in keys {
            let present = self.views.find_entry(index, key)?.is_some();
            ensure!(!present, "{} has {key} already", index.name());
        }
        let record = self.views.add_record(Namespace::Documents, document)?;
        for (index, key) in keys {
            self.views.add_entry(index, key, record)?;
        }
        Ok(())
    }

    /// The document with this key.
    pub(crate) fn find(&self, key: u64) -> Result<&[u8]> {
        let data = self.record(self.entry(key)?.record)?;
        Ok(&data[..document::length(data)?])
    }

    /// Where the document with this key lies.
    pub(crate) fn place(&self, key: u64) -> Result<DiskLoc> {
        Ok(self.entry(key)?.record.plus(RECORD_HEADER_BYTES))
    }

    /// Bytes of the record that holds the document with this key, its header included.
    pub(crate) fn record_bytes(&self, key: u64) -> Result<usize> {
        Ok(self.views.room(self.entry(key)?.record)? + RECORD_HEADER_BYTES.unsigned_abs() as usize)
    }

    /// The eight bytes that `set_counter` changes.
    pub(crate) fn counter(&self, key: u64) -> Result<u64> {
        document::counter(self.find(key)?)
    }

    /// Changes eight bytes of a document (`updateWithDamages`): always in place.
    pub(crate) fn set_counter(&mut self, key: u64, value: u64) -> Result<()> {
        let place = self.place(key)?.plus(COUNTER_OFFSET);
        self.views.store_u64(place, value)
    }

    /// Replaces a document by one with the same keys, in place if its record has room.
    pub(crate) fn update(&mut self, document: &[u8]) -> Result<Update> {
        let old = self.entry(document::key(document)?)?.record;
        if document.len() <= self.views.room(old)? {
            self.views.store(old.plus(RECORD_HEADER_BYTES), document)?;
            return Ok(Update::InPlace);
        }
        let new = self.views.add_record(Namespace::Documents, document)?;
        self.views.remove_record(Namespace::Documents, old)?;
        for (index, key) in keys(document)? {
            let entry = self.views.find_entry(index, key)?;
            let entry = entry.with_context(|| format!("{} has no {key}", index.name()))?;
            self.views.fix_entry(&entry, new)?;
        }
        Ok(Update::Moved)
    }

    /// Removes the document with this key.
    pub(crate) fn remove(&mut self, key: u64) -> Result<()> {
        let record = self.entry(key)?.record;
        for (index, key) in keys(self.record(record)?)? {
            let entry = self.views.find_entry(index, key)?;
            let entry = entry.with_context(|| format!("{} has no {key}", index.name()))?;
            self.views.remove_entry(&entry)?;
        }
        self.views.remove_record(Namespace::Documents, record)
    }

    fn entry(&self, key: u64) -> Result<Entry> {
        let entry = self.views.find_entry(Namespace::ByKey, key)?;
        entry.with_context(|| format!("there is no document {key}"))
    }

    /// All that a record has room for.
    fn record(&self, record: DiskLoc) -> Result<&[u8]> {
        let room = self.views.room(record)?;
        self.views.load(record.plus(RECORD_HEADER_BYTES), room)
    }
}

/// What the indexes know a document by.
fn keys(document: &[u8]) -> Result<[(Namespace, u64); 2]> {
    Ok([
        (Namespace::ByKey, document::key(document)?),
        (Namespace::ByTag, document::tag(document)?),
    ])
}
