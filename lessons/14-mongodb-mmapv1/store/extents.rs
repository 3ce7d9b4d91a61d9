//! Extents: the stretches of a file that belong to one namespace.

use anyhow::{Result, ensure};

use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::sizes::{FILE_HEADER_BYTES, extent_bytes, file_bytes};
use super::views::Views;

/// What a data file says about itself (`data_file.h`).
mod file_header {
    pub(super) const VERSION: i32 = 0;
    pub(super) const FILE_BYTES: i32 = 8;
    pub(super) const UNUSED: i32 = 12;
    pub(super) const UNUSED_BYTES: i32 = 20;
}

/// What an extent says about itself (`extent.h`).
pub(super) mod extent {
    pub(in super::super) const MAGIC: i32 = 0;
    pub(in super::super) const MY_LOC: i32 = 4;
    pub(in super::super) const NEXT: i32 = 12;
    pub(in super::super) const PREVIOUS: i32 = 20;
    pub(in super::super) const NAMESPACE: i32 = 28;
    pub(in super::super) const BYTES: i32 = 156;
    pub(in super::super) const FIRST_RECORD: i32 = 160;
    pub(in super::super) const LAST_RECORD: i32 = 168;
    /// The first byte after all that.
    pub(in super::super) const DATA: i32 = 176;
}

/// The version of a file whose header has been made; all zeros in one that nobody has used.
const VERSION: i32 = 4;
/// What every extent begins with.
pub(super) const MAGIC: i32 = 0x4142_4344;

impl Views {
    /// Gives the namespace one more extent, which is one free record.
    pub(super) fn add_extent(&mut self, namespace: Namespace, record: i32) -> Result<()> {
        let last = self.load_i32(namespace.last_extent_bytes())?;
        let largest = file_bytes(self.newest_file()? + 1) - FILE_HEADER_BYTES;
        let bytes = extent_bytes(last, record, largest);
        ensure!(
            bytes >= extent::DATA + record,
            "a record of {record} bytes does not fit an extent of {bytes}"
        );
        let place = self.carve(bytes)?;
        self.make_extent(namespace, place, bytes)?;
        self.store_i32(namespace.last_extent_bytes(), bytes)?;
        self.free(
            namespace,
            place.plus(extent::DATA),
            bytes - extent::DATA,
            place.offset,
        )
    }

    /// The last file that extents have been carved from.
    fn newest_file(&mut self) -> Result<i32> {
        let count = i32::try_from(self.file_count())?;
        for number in (0..count).rev() {
            if self.load_i32(header_of(number))? == VERSION {
                return Ok(number);
            }
        }
        self.make_header(0)?;
        Ok(0)
    }

    /// Takes bytes from what nobody has, in the newest file or in one more.
    fn carve(&mut self, bytes: i32) -> Result<DiskLoc> {
        let mut number = self.newest_file()?;
        if self.load_i32(header_of(number).plus(file_header::UNUSED_BYTES))? < bytes {
            number += 1;
            // It may be there already: made, and then nothing of it reached the journal.
            if self.file_count() <= usize::try_from(number)? {
                self.add_file()?;
            }
            self.make_header(number)?;
        }
        let header = header_of(number);
        let place = self.load_loc(header.plus(file_header::UNUSED))?;
        let unused = self.load_i32(header.plus(file_header::UNUSED_BYTES))?;
        self.store_loc(header.plus(file_header::UNUSED), place.plus(bytes))?;
        self.store_i32(header.plus(file_header::UNUSED_BYTES), unused - bytes)?;
        Ok(place)
    }

    fn make_header(&mut self, number: i32) -> Result<()> {
        let header = header_of(number);
        let bytes = file_bytes(number);
        self.store_i32(header.plus(file_header::FILE_BYTES), bytes)?;
        let unused = header.plus(FILE_HEADER_BYTES);
        self.store_loc(header.plus(file_header::UNUSED), unused)?;
        self.store_i32(
            header.plus(file_header::UNUSED_BYTES),
            bytes - FILE_HEADER_BYTES,
        )?;
        self.store_i32(header.plus(file_header::VERSION), VERSION)
    }

    fn make_extent(&mut self, namespace: Namespace, place: DiskLoc, bytes: i32) -> Result<()> {
        let previous = self.load_loc(namespace.last_extent())?;
        self.store_i32(place.plus(extent::MAGIC), MAGIC)?;
        self.store_loc(place.plus(extent::MY_LOC), place)?;
        self.store_loc(place.plus(extent::NEXT), DiskLoc::NULL)?;
        self.store_loc(place.plus(extent::PREVIOUS), previous)?;
        self.store(place.plus(extent::NAMESPACE), namespace.name().as_bytes())?;
        self.store_i32(place.plus(extent::BYTES), bytes)?;
        self.store_loc(place.plus(extent::FIRST_RECORD), DiskLoc::NULL)?;
        self.store_loc(place.plus(extent::LAST_RECORD), DiskLoc::NULL)?;
        let link = if previous.is_null() {
            namespace.first_extent()
        } else {
            previous.plus(extent::NEXT)
        };
        self.store_loc(link, place)?;
        self.store_loc(namespace.last_extent(), place)
    }
}

const fn header_of(number: i32) -> DiskLoc {
    DiskLoc {
        file: number,
        offset: 0,
    }
}
