//! An index: from a key to the place of a record. A hash table of pages; the original has B-trees.

use anyhow::{Context, Result, ensure};
use lessons::data::mix;

use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::sizes::RECORD_HEADER_BYTES;
use super::views::Views;

/// Data of one bucket: with the header of its record, 4 KiB.
const BUCKET_BYTES: usize = 4096 - RECORD_HEADER_BYTES as usize;
/// A bucket begins with the number of its entries.
const ENTRIES: i32 = 8;
/// An entry: a key and a place.
const ENTRY_BYTES: i32 = 16;
/// Entries of a bucket.
const CAPACITY: u64 = (BUCKET_BYTES as u64 - ENTRIES as u64) / ENTRY_BYTES as u64;
/// Entries that a bucket is meant for; the hash makes some fuller than others.
const MEANT_FOR: u64 = CAPACITY / 2;

/// An index begins with the number of its buckets; their places follow.
const BUCKETS: i32 = 8;

/// An entry that was found.
pub(super) struct Entry {
    place: DiskLoc,
    bucket: DiskLoc,
    /// The record that it leads to.
    pub(super) record: DiskLoc,
}

impl Views {
    /// Makes an empty index for so many keys.
    pub(super) fn make_index(&mut self, index: Namespace, keys: u64) -> Result<()> {
        let buckets = keys.div_ceil(MEANT_FOR).max(1);
        let mut root = buckets.to_le_bytes().to_vec();
        for _ in 0..buckets {
            let bucket = self.add_record(index, &[0; BUCKET_BYTES])?;
            root.extend(bucket.plus(RECORD_HEADER_BYTES).to_bytes());
        }
        let root = self.add_record(index, &root)?;
        self.store_loc(index.root(), root.plus(RECORD_HEADER_BYTES))
    }

    /// Where the entry of this key is, if there is one.
    pub(super) fn find_entry(&self, index: Namespace, key: u64) -> Result<Option<Entry>> {
        let bucket = self.bucket(index, key)?;
        let count = self.entries(bucket)?;
        let bytes = self.load(bucket.plus(ENTRIES), count * ENTRY_BYTES as usize)?;
        let (entries, _) = bytes.as_chunks::<{ ENTRY_BYTES as usize }>();
        let found = entries
            .iter()
            .position(|entry| entry[..8] == key.to_le_bytes());
        let Some(number) = found else {
            return Ok(None);
        };
        let place = entry_place(bucket, number as u64);
        Ok(Some(Entry {
            place,
            bucket,
            record: self.load_loc(place.plus(8))?,
        }))
    }

    /// A key that is not in the index yet.
    pub(super) fn add_entry(&mut self, index: Namespace, key: u64, record: DiskLoc) -> Result<()> {
        let bucket = self.bucket(index, key)?;
        let count = self.entries(bucket)? as u64;
        ensure!(
            count < CAPACITY,
            "a bucket of {} is full: the index was made for fewer keys",
            index.name()
        );
        let mut entry = [0; ENTRY_BYTES as usize];
        entry[..8].copy_from_slice(&key.to_le_bytes());
        entry[8..].copy_from_slice(&record.to_bytes());
        self.store(entry_place(bucket, count), &entry)?;
        self.store_u64(bucket, count + 1)
    }

    /// The record has moved.
    pub(super) fn fix_entry(&mut self, entry: &Entry, record: DiskLoc) -> Result<()> {
        self.store_loc(entry.place.plus(8), record)
    }

    /// The last entry of the bucket takes the place of the removed one.
    pub(super) fn remove_entry(&mut self, entry: &Entry) -> Result<()> {
        let last = self.entries(entry.bucket)? as u64 - 1;
        let bytes = self.load(entry_place(entry.bucket, last), ENTRY_BYTES as usize)?;
        let bytes: [u8; ENTRY_BYTES as usize] = bytes.try_into()?;
        self.store(entry.place, &bytes)?;
        self.store_u64(entry.bucket, last)
    }

    /// Every key of the index, and where it leads.
    pub(super) fn all_entries(&self, index: Namespace) -> Result<Vec<(u64, DiskLoc)>> {
        let root = self.load_loc(index.root())?;
        let mut all = Vec::new();
        for number in 0..self.load_u64(root)? {
            let bucket = self.bucket_place(root, number)?;
            for entry in 0..self.entries(bucket)? as u64 {
                let place = entry_place(bucket, entry);
                all.push((self.load_u64(place)?, self.load_loc(place.plus(8))?));
            }
        }
        Ok(all)
    }

    fn bucket(&self, index: Namespace, key: u64) -> Result<DiskLoc> {
        let root = self.load_loc(index.root())?;
        let buckets = self.load_u64(root)?;
        let number = mix(key).checked_rem(buckets);
        self.bucket_place(root, number.context("the index has no bucket")?)
    }

    fn bucket_place(&self, root: DiskLoc, number: u64) -> Result<DiskLoc> {
        let offset = i32::try_from(number * 8).context("the index has too many buckets")?;
        self.load_loc(root.plus(BUCKETS + offset))
    }

    fn entries(&self, bucket: DiskLoc) -> Result<usize> {
        let count = self.load_u64(bucket)?;
        ensure!(count <= CAPACITY, "a bucket says it has {count} entries");
        Ok(count as usize)
    }
}

fn entry_place(bucket: DiskLoc, number: u64) -> DiskLoc {
    bucket.plus(ENTRIES + number as i32 * ENTRY_BYTES)
}
