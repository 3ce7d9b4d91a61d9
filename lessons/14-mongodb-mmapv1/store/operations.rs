//! What a client can ask for: insert, find, update and remove.

use anyhow::Result;

use super::Store;
use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::document::{self, COUNTER, KEY, TAG, field};
use super::sizes::RECORD_HEADER_BYTES;

impl Store {
    /// Adds a document; its key must be new.
    pub(crate) fn insert(&mut self, document: &[u8]) -> Result<()> {
        let record = self.views.add_record(Namespace::Documents, document)?;
        for (index, key) in keys(document)? {
            self.views.add_entry(index, key, record)?;
        }
        Ok(())
    }

    pub(crate) fn find(&self, key: u64) -> Result<&[u8]> {
        document::trim(self.data(self.record(key)?)?)
    }

    /// The place of the document with this key.
    pub(crate) fn place(&self, key: u64) -> Result<DiskLoc> {
        Ok(self.record(key)?.plus(RECORD_HEADER_BYTES))
    }

    /// Bytes of the record that holds the document with this key, header included.
    pub(crate) fn record_bytes(&self, key: u64) -> Result<usize> {
        Ok(self.views.room(self.record(key)?)? + RECORD_HEADER_BYTES as usize)
    }

    pub(crate) fn counter(&self, key: u64) -> Result<u64> {
        field(self.find(key)?, COUNTER)
    }

    /// Changes eight bytes of a document (`updateWithDamages`), always in place.
    pub(crate) fn set_counter(&mut self, key: u64, value: u64) -> Result<()> {
        let place = self.place(key)?.plus(i32::try_from(COUNTER)?);
        self.views.store_u64(place, value)
    }

    /// Replaces the document with the same key, in place if its record has room.
    ///
    /// Otherwise the document moves to another record, and every index gets the new place
    /// (`NeedsDocumentMove`).
    pub(crate) fn update(&mut self, document: &[u8]) -> Result<()> {
        let old = self.record(field(document, KEY)?)?;
        if document.len() <= self.views.room(old)? {
            return self.views.store(old.plus(RECORD_HEADER_BYTES), document);
        }
        let new = self.views.add_record(Namespace::Documents, document)?;
        self.views.remove_record(Namespace::Documents, old)?;
        for (index, key) in keys(document)? {
            let entry = self.views.find_entry(index, key)?;
            self.views.change_entry(&entry, new)?;
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, key: u64) -> Result<()> {
        let record = self.record(key)?;
        for (index, key) in keys(self.data(record)?)? {
            let entry = self.views.find_entry(index, key)?;
            self.views.remove_entry(&entry)?;
        }
        self.views.remove_record(Namespace::Documents, record)
    }

    /// The place of the record that holds the document with this key.
    fn record(&self, key: u64) -> Result<DiskLoc> {
        Ok(self.views.find_entry(Namespace::ByKey, key)?.record)
    }

    /// All data of a record, including the unused end.
    fn data(&self, record: DiskLoc) -> Result<&[u8]> {
        let room = self.views.room(record)?;
        self.views.load(record.plus(RECORD_HEADER_BYTES), room)
    }
}

/// The keys of a document, one for each index.
fn keys(document: &[u8]) -> Result<[(Namespace, u64); 2]> {
    Ok([
        (Namespace::ByKey, field(document, KEY)?),
        (Namespace::ByTag, field(document, TAG)?),
    ])
}
