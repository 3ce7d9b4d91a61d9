//! The catalog `.ns`: where each namespace begins, and where it has free space.

use anyhow::Result;

use super::disk_loc::{CATALOG, DiskLoc};
use super::sizes::{CATALOG_BYTES, RECORD_CLASSES};
use super::views::Views;

/// A node of the catalog (`catalog/hashtab.h`): hash, name, details.
const NODE_BYTES: i32 = 628;
const NAME: i32 = 4;
/// The details (`namespace_details.h`), without those that this store does not use.
pub(super) const FIRST_EXTENT: i32 = 132;
pub(super) const LAST_EXTENT: i32 = FIRST_EXTENT + DiskLoc::BYTES;
const FREE_LISTS: i32 = LAST_EXTENT + DiskLoc::BYTES;
/// The number of records.
pub(super) const RECORDS: i32 = FREE_LISTS + DiskLoc::BYTES * RECORD_CLASSES.cast_signed() as i32;
pub(super) const LAST_EXTENT_BYTES: i32 = RECORDS + 8;
/// Where an index begins.
pub(super) const ROOT: i32 = LAST_EXTENT_BYTES + 4;

const _: () = assert!(Namespace::ALL.len() * NODE_BYTES.cast_unsigned() as usize <= CATALOG_BYTES);

/// What a store holds: documents, and an index on each of their two keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    Documents,
    ByKey,
    ByTag,
}

impl Namespace {
    pub(crate) const ALL: [Namespace; 3] =
        [Namespace::Documents, Namespace::ByKey, Namespace::ByTag];
    pub(crate) const INDEXES: [Namespace; 2] = [Namespace::ByKey, Namespace::ByTag];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Namespace::Documents => "db.documents",
            Namespace::ByKey => "db.documents.$key",
            Namespace::ByTag => "db.documents.$tag",
        }
    }

    /// The place of a field of this namespace in the catalog.
    pub(super) const fn at(self, field: i32) -> DiskLoc {
        DiskLoc::new(CATALOG, self as i32 * NODE_BYTES + field)
    }

    /// The head of the list of free records of this class.
    pub(super) const fn free_list(self, class: usize) -> DiskLoc {
        self.at(FREE_LISTS + class.cast_signed() as i32 * DiskLoc::BYTES)
    }
}

impl Views {
    /// Whether the catalog is complete: [`make_catalog`](Self::make_catalog) stores the last name last.
    pub(super) fn has_catalog(&self) -> Result<bool> {
        let name = Namespace::ByTag.name().as_bytes();
        Ok(self.load(Namespace::ByTag.at(NAME), name.len())? == name)
    }

    /// Makes the namespaces, without a record.
    pub(super) fn make_catalog(&mut self) -> Result<()> {
        for namespace in Namespace::ALL {
            for field in [FIRST_EXTENT, LAST_EXTENT, ROOT] {
                self.store_loc(namespace.at(field), DiskLoc::NULL)?;
            }
            for class in 0..RECORD_CLASSES {
                self.store_loc(namespace.free_list(class), DiskLoc::NULL)?;
            }
            self.store(namespace.at(NAME), namespace.name().as_bytes())?;
        }
        Ok(())
    }

    /// Adds to the number of records.
    pub(super) fn add_to_records(&mut self, namespace: Namespace, more: i64) -> Result<()> {
        let records = self.load_u64(namespace.at(RECORDS))?;
        self.store_u64(namespace.at(RECORDS), records.wrapping_add_signed(more))
    }
}
