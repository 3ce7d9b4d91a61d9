//! Loads and stores of the fixed-width fields that headers and indexes consist of, little-endian.

use anyhow::Result;

use super::disk_loc::DiskLoc;
use super::views::Views;

impl Views {
    fn load_array<const BYTES: usize>(&self, place: DiskLoc) -> Result<[u8; BYTES]> {
        Ok(self.load(place, BYTES)?.try_into()?)
    }

    pub(super) fn load_i32(&self, place: DiskLoc) -> Result<i32> {
        Ok(i32::from_le_bytes(self.load_array(place)?))
    }

    pub(super) fn load_u64(&self, place: DiskLoc) -> Result<u64> {
        Ok(u64::from_le_bytes(self.load_array(place)?))
    }

    pub(super) fn load_loc(&self, place: DiskLoc) -> Result<DiskLoc> {
        Ok(DiskLoc::from_bytes(self.load_array(place)?))
    }

    pub(super) fn store_i32(&mut self, place: DiskLoc, value: i32) -> Result<()> {
        self.store(place, &value.to_le_bytes())
    }

    pub(super) fn store_u64(&mut self, place: DiskLoc, value: u64) -> Result<()> {
        self.store(place, &value.to_le_bytes())
    }

    pub(super) fn store_loc(&mut self, place: DiskLoc, value: DiskLoc) -> Result<()> {
        self.store(place, &value.to_bytes())
    }
}
