//! Records: taken from free space, chained within their extent, and freed again.

use anyhow::{Context, Result};

use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::extents::extent;
use super::sizes::{RECORD_CLASSES, RECORD_HEADER_BYTES, class_of, record_bytes};
use super::views::Views;

/// Offsets in the header of a record (`record.h`).
pub(super) mod header {
    pub(in super::super) const BYTES: i32 = 0;
    pub(in super::super) const EXTENT: i32 = 4;
    pub(in super::super) const NEXT: i32 = 8;
    pub(in super::super) const PREVIOUS: i32 = 12;
    /// A free record has the place of the next free one instead of its neighbors.
    pub(in super::super) const NEXT_FREE: i32 = 8;
}

impl Views {
    /// Makes a record with this data and returns its place.
    pub(super) fn add_record(&mut self, namespace: Namespace, data: &[u8]) -> Result<DiskLoc> {
        let needed = record_bytes(data.len())
            .with_context(|| format!("{} bytes are too many for one record", data.len()))?;
        let mut free = self.find_free(namespace, needed)?;
        if free.is_none() {
            self.add_extent(namespace, needed)?;
            free = self.find_free(namespace, needed)?;
        }
        let record = free.context("a new extent has no free record")?;
        self.take_free(namespace, record, needed)?;
        self.store(record.plus(RECORD_HEADER_BYTES), data)?;
        self.append_to_chain(record)?;
        self.add_to_records(namespace, 1)?;
        Ok(record)
    }

    /// Takes the record out of its chain and frees its space.
    pub(super) fn remove_record(&mut self, namespace: Namespace, record: DiskLoc) -> Result<()> {
        let bytes = self.load_i32(record.plus(header::BYTES))?;
        let extent = self.load_i32(record.plus(header::EXTENT))?;
        let owner = record.beside(extent);
        let next = record.beside(self.load_i32(record.plus(header::NEXT))?);
        let previous = record.beside(self.load_i32(record.plus(header::PREVIOUS))?);
        if next.is_null() {
            self.store_loc(owner.plus(extent::LAST_RECORD), previous)?;
        } else {
            self.store_i32(next.plus(header::PREVIOUS), previous.within_file())?;
        }
        if previous.is_null() {
            self.store_loc(owner.plus(extent::FIRST_RECORD), next)?;
        } else {
            self.store_i32(previous.plus(header::NEXT), next.within_file())?;
        }
        self.free(namespace, record, bytes, extent)?;
        self.add_to_records(namespace, -1)
    }

    /// Bytes of data that a record has room for.
    pub(super) fn room(&self, record: DiskLoc) -> Result<usize> {
        let bytes = self.load_i32(record.plus(header::BYTES))? - RECORD_HEADER_BYTES;
        usize::try_from(bytes).with_context(|| format!("there is no record at {record:?}"))
    }

    /// Makes space a free record, at the head of the list for its size.
    pub(super) fn free(
        &mut self,
        namespace: Namespace,
        place: DiskLoc,
        bytes: i32,
        extent: i32,
    ) -> Result<()> {
        let class = class_of(bytes).context("the space is too small for a free record")?;
        let list = namespace.free_list(class);
        let next = self.load_loc(list)?;
        self.store_header(place, [bytes, extent, next.file, next.offset])?;
        self.store_loc(list, place)
    }

    /// Finds the head of the first list whose members are all large enough; record sizes are powers of two.
    fn find_free(&self, namespace: Namespace, needed: i32) -> Result<Option<DiskLoc>> {
        let least = class_of(needed).context("no record is this small")?;
        for class in least..RECORD_CLASSES {
            let head = self.load_loc(namespace.free_list(class))?;
            if !head.is_null() {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Takes the head of its list, and frees the part that is not needed if it is large enough.
    fn take_free(&mut self, namespace: Namespace, free: DiskLoc, needed: i32) -> Result<()> {
        let mut bytes = self.load_i32(free.plus(header::BYTES))?;
        let extent = self.load_i32(free.plus(header::EXTENT))?;
        let next = self.load_loc(free.plus(header::NEXT_FREE))?;
        let class = class_of(bytes).context("a free record is too small for its list")?;
        self.store_loc(namespace.free_list(class), next)?;
        if class_of(bytes - needed).is_some() {
            self.free(namespace, free.plus(needed), bytes - needed, extent)?;
            bytes = needed;
        }
        // Neither a next record nor a previous one.
        self.store_header(free, [bytes, extent, -1, -1])
    }

    fn store_header(&mut self, place: DiskLoc, words: [i32; 4]) -> Result<()> {
        self.store(place, words.map(i32::to_le_bytes).as_flattened())
    }

    /// Makes the record the last one of its extent.
    fn append_to_chain(&mut self, record: DiskLoc) -> Result<()> {
        let owner = record.beside(self.load_i32(record.plus(header::EXTENT))?);
        let last = self.load_loc(owner.plus(extent::LAST_RECORD))?;
        if last.is_null() {
            self.store_loc(owner.plus(extent::FIRST_RECORD), record)?;
        } else {
            self.store_i32(record.plus(header::PREVIOUS), last.offset)?;
            self.store_i32(last.plus(header::NEXT), record.offset)?;
        }
        self.store_loc(owner.plus(extent::LAST_RECORD), record)
    }
}
