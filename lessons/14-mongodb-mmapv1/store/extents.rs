//! Extents: stretches of a data file, each of which belongs to one namespace.

use anyhow::{Result, ensure};

use super::catalog::{self, Namespace};
use super::disk_loc::DiskLoc;
use super::sizes::{FILE_HEADER_BYTES, extent_bytes, file_bytes};
use super::views::Views;

/// Offsets in the header of a data file (`data_file.h`).
mod file_header {
    pub(super) const VERSION: i32 = 0;
    pub(super) const UNUSED: i32 = 12;
    pub(super) const UNUSED_BYTES: i32 = 20;
}

/// Offsets in the header of an extent (`extent.h`).
pub(super) mod extent {
    pub(in super::super) const MAGIC: i32 = 0;
    pub(in super::super) const MY_LOC: i32 = 4;
    pub(in super::super) const NEXT: i32 = 12;
    pub(in super::super) const PREVIOUS: i32 = 20;
    pub(in super::super) const NAMESPACE: i32 = 28;
    pub(in super::super) const BYTES: i32 = 156;
    pub(in super::super) const FIRST_RECORD: i32 = 160;
    pub(in super::super) const LAST_RECORD: i32 = 168;
    /// The first byte after the header.
    pub(in super::super) const DATA: i32 = 176;
}

/// The version in a file header; an unused file has 0.
const VERSION: i32 = 4;
/// Every extent begins with this number.
pub(super) const MAGIC: i32 = 0x4142_4344;

impl Views {
    /// Adds an extent that consists of one free record.
    pub(super) fn add_extent(&mut self, namespace: Namespace, record: i32) -> Result<()> {
        let last = self.load_i32(namespace.at(catalog::LAST_EXTENT_BYTES))?;
        let largest = file_bytes(self.newest_file()? + 1) - FILE_HEADER_BYTES;
        let bytes = extent_bytes(last, record, largest);
        let free = bytes - extent::DATA;
        ensure!(
            free >= record,
            "a record of {record} bytes does not fit into an extent of {bytes}"
        );
        let place = self.carve(bytes)?;
        self.make_extent(namespace, place, bytes)?;
        self.store_i32(namespace.at(catalog::LAST_EXTENT_BYTES), bytes)?;
        self.free(namespace, place.plus(extent::DATA), free, place.offset)
    }

    /// Finds the last file that extents have been carved from.
    fn newest_file(&mut self) -> Result<i32> {
        for number in (0..self.data_files()).rev() {
            if self.load_i32(DiskLoc::new(number, file_header::VERSION))? == VERSION {
                return Ok(number);
            }
        }
        self.make_header(0)?;
        Ok(0)
    }

    /// Takes unused bytes from the newest file, or from the next one.
    fn carve(&mut self, bytes: i32) -> Result<DiskLoc> {
        let mut number = self.newest_file()?;
        if self.load_i32(DiskLoc::new(number, file_header::UNUSED_BYTES))? < bytes {
            number += 1;
            // The file may exist without a header: it was made before a crash that lost the header.
            if self.data_files() <= number {
                self.add_file()?;
            }
            self.make_header(number)?;
        }
        let unused = DiskLoc::new(number, file_header::UNUSED);
        let unused_bytes = DiskLoc::new(number, file_header::UNUSED_BYTES);
        let place = self.load_loc(unused)?;
        let left = self.load_i32(unused_bytes)? - bytes;
        self.store_loc(unused, place.plus(bytes))?;
        self.store_i32(unused_bytes, left)?;
        Ok(place)
    }

    fn make_header(&mut self, number: i32) -> Result<()> {
        let at = |field| DiskLoc::new(number, field);
        let unused_bytes = file_bytes(number) - FILE_HEADER_BYTES;
        self.store_loc(at(file_header::UNUSED), at(FILE_HEADER_BYTES))?;
        self.store_i32(at(file_header::UNUSED_BYTES), unused_bytes)?;
        self.store_i32(at(file_header::VERSION), VERSION)
    }

    fn make_extent(&mut self, namespace: Namespace, place: DiskLoc, bytes: i32) -> Result<()> {
        let previous = self.load_loc(namespace.at(catalog::LAST_EXTENT))?;
        for (field, loc) in [
            (extent::MY_LOC, place),
            (extent::NEXT, DiskLoc::NULL),
            (extent::PREVIOUS, previous),
            (extent::FIRST_RECORD, DiskLoc::NULL),
            (extent::LAST_RECORD, DiskLoc::NULL),
        ] {
            self.store_loc(place.plus(field), loc)?;
        }
        self.store_i32(place.plus(extent::MAGIC), MAGIC)?;
        self.store(place.plus(extent::NAMESPACE), namespace.name().as_bytes())?;
        self.store_i32(place.plus(extent::BYTES), bytes)?;
        let link = if previous.is_null() {
            namespace.at(catalog::FIRST_EXTENT)
        } else {
            previous.plus(extent::NEXT)
        };
        self.store_loc(link, place)?;
        self.store_loc(namespace.at(catalog::LAST_EXTENT), place)
    }
}
