//! An index: a hash table that leads from a key to the place of a record. The original has B-trees.
//!
//! The root is a record with the number of buckets and their places; a bucket is a record with the number of
//! its entries and the entries.

use anyhow::{Context, Result, ensure};
use lessons::data::mix;

use super::catalog::{self, Namespace};
use super::disk_loc::DiskLoc;
use super::sizes::RECORD_HEADER_BYTES;
use super::views::Views;

/// Data of one bucket; with the header of its record it fills 4 KiB.
const BUCKET_BYTES: usize = 4096 - RECORD_HEADER_BYTES as usize;
/// Bytes before the buckets of a root, and before the entries of a bucket.
const COUNT_BYTES: i32 = 8;
/// An entry: a key and a place.
const ENTRY_BYTES: i32 = 16;
const CAPACITY: u64 = (BUCKET_BYTES as u64 - COUNT_BYTES as u64) / ENTRY_BYTES as u64;
/// Keys that a bucket is made for; the hash gives some buckets more.
const KEYS_PER_BUCKET: u64 = CAPACITY / 2;

/// An entry that was found.
pub(super) struct Entry {
    place: DiskLoc,
    bucket: DiskLoc,
    /// The record that the entry leads to.
    pub(super) record: DiskLoc,
}

impl Views {
    /// Makes an empty index for this many keys.
    pub(super) fn make_index(&mut self, index: Namespace, keys: u64) -> Result<()> {
        let buckets = keys.div_ceil(KEYS_PER_BUCKET).max(1);
        let mut root = buckets.to_le_bytes().to_vec();
        for _ in 0..buckets {
            let bucket = self.add_record(index, &[0; BUCKET_BYTES])?;
            root.extend(bucket.plus(RECORD_HEADER_BYTES).to_bytes());
        }
        let root = self.add_record(index, &root)?;
        self.store_loc(index.at(catalog::ROOT), root.plus(RECORD_HEADER_BYTES))
    }

    pub(super) fn find_entry(&self, index: Namespace, key: u64) -> Result<Entry> {
        let bucket = self.bucket_of(index, key)?;
        let count = self.entries(bucket)?;
        let bytes = count as usize * ENTRY_BYTES as usize;
        let bytes = self.load(bucket.plus(COUNT_BYTES), bytes)?;
        let (entries, _) = bytes.as_chunks::<{ ENTRY_BYTES as usize }>();
        let found = entries
            .iter()
            .position(|entry| entry[..8] == key.to_le_bytes());
        let number = found.with_context(|| format!("{} has no key {key}", index.name()))?;
        let place = entry_place(bucket, number as u64);
        Ok(Entry {
            place,
            bucket,
            record: self.load_loc(place.plus(8))?,
        })
    }

    /// Adds an entry; the key must be new.
    pub(super) fn add_entry(&mut self, index: Namespace, key: u64, record: DiskLoc) -> Result<()> {
        let bucket = self.bucket_of(index, key)?;
        let count = self.entries(bucket)?;
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

    /// Lets the entry lead to the new place of its record.
    pub(super) fn change_entry(&mut self, entry: &Entry, record: DiskLoc) -> Result<()> {
        self.store_loc(entry.place.plus(8), record)
    }

    /// Removes an entry; the last one of its bucket takes its place.
    pub(super) fn remove_entry(&mut self, entry: &Entry) -> Result<()> {
        let last = self.entries(entry.bucket)? - 1;
        let bytes = self.load(entry_place(entry.bucket, last), ENTRY_BYTES as usize)?;
        let bytes: [u8; ENTRY_BYTES as usize] = bytes.try_into()?;
        self.store(entry.place, &bytes)?;
        self.store_u64(entry.bucket, last)
    }

    /// Lists every key and the place that it leads to.
    pub(super) fn all_entries(&self, index: Namespace) -> Result<Vec<(u64, DiskLoc)>> {
        let root = self.load_loc(index.at(catalog::ROOT))?;
        let mut all = Vec::new();
        for number in 0..self.load_u64(root)? {
            let bucket = self.bucket(root, number)?;
            for entry in 0..self.entries(bucket)? {
                let place = entry_place(bucket, entry);
                all.push((self.load_u64(place)?, self.load_loc(place.plus(8))?));
            }
        }
        Ok(all)
    }

    fn bucket_of(&self, index: Namespace, key: u64) -> Result<DiskLoc> {
        let root = self.load_loc(index.at(catalog::ROOT))?;
        let number = mix(key).checked_rem(self.load_u64(root)?);
        self.bucket(root, number.context("the index has no bucket")?)
    }

    fn bucket(&self, root: DiskLoc, number: u64) -> Result<DiskLoc> {
        let offset = i32::try_from(number * 8).context("the index has too many buckets")?;
        self.load_loc(root.plus(COUNT_BYTES + offset))
    }

    fn entries(&self, bucket: DiskLoc) -> Result<u64> {
        let count = self.load_u64(bucket)?;
        ensure!(
            count <= CAPACITY,
            "a bucket with room for {CAPACITY} entries claims to have {count}"
        );
        Ok(count)
    }
}

fn entry_place(bucket: DiskLoc, number: u64) -> DiskLoc {
    bucket.plus(COUNT_BYTES + number as i32 * ENTRY_BYTES)
}
