//! Is the store whole? Every chain is followed, every byte must belong to somebody, and every index must
//! lead to every document.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::catalog::Namespace;
use super::disk_loc::DiskLoc;
use super::extents::{MAGIC, extent};
use super::records::header;
use super::sizes::{RECORD_CLASSES, RECORD_HEADER_BYTES, class_of};
use super::{Store, document};

/// Document by key, as the store holds it.
pub(crate) type Documents = BTreeMap<u64, Vec<u8>>;

/// Pieces of the files: offset and bytes, by file.
type Pieces = BTreeMap<DiskLoc, i32>;

impl Store {
    /// All documents of a store that is whole; otherwise the first thing that is broken.
    pub(crate) fn check(&self) -> Result<Documents> {
        let mut records = Pieces::new();
        for namespace in Namespace::ALL {
            let name = namespace.name();
            let mut own = Pieces::new();
            let extents = self.extents(namespace, &mut own).context(name)?;
            let count = self.views.load_u64(namespace.records())?;
            ensure!(
                count == own.len() as u64,
                "{name}: {count} records are in the catalogue, {} in the chains",
                own.len()
            );
            let mut pieces = own.clone();
            self.free_records(namespace, &mut pieces).context(name)?;
            cover(&extents, &pieces).context(name)?;
            if namespace == Namespace::Documents {
                records = own;
            }
        }
        let documents = self.documents(&records)?;
        for index in Namespace::INDEXES {
            self.check_index(index, &documents).context(index.name())?;
        }
        documents.into_values().map(keyed).collect()
    }

    /// The extents of a namespace; their records are added to `records`.
    fn extents(&self, namespace: Namespace, records: &mut Pieces) -> Result<Pieces> {
        let views = &self.views;
        let mut extents = Pieces::new();
        let (mut place, mut previous) = (views.load_loc(namespace.first_extent())?, DiskLoc::NULL);
        while !place.is_null() {
            ensure!(
                views.load_i32(place.plus(extent::MAGIC))? == MAGIC
                    && views.load_loc(place.plus(extent::MY_LOC))? == place
                    && views.load_loc(place.plus(extent::PREVIOUS))? == previous,
                "what is at {place:?} is not the extent after {previous:?}"
            );
            let bytes = views.load_i32(place.plus(extent::BYTES))?;
            let data = place.plus(extent::DATA);
            let known = extents.insert(data, bytes - extent::DATA);
            ensure!(
                known.is_none(),
                "the chain of extents comes back to {place:?}"
            );
            self.records(place, records)?;
            previous = place;
            place = views.load_loc(place.plus(extent::NEXT))?;
        }
        let last = views.load_loc(namespace.last_extent())?;
        ensure!(
            last == previous,
            "the last extent is {previous:?}, not {last:?}"
        );
        Ok(extents)
    }

    /// The chain of records of one extent.
    fn records(&self, owner: DiskLoc, records: &mut Pieces) -> Result<()> {
        let views = &self.views;
        let mut place = views.load_loc(owner.plus(extent::FIRST_RECORD))?;
        let mut previous = DiskLoc::NULL;
        while !place.is_null() {
            ensure!(
                views.load_i32(place.plus(header::EXTENT))? == owner.offset
                    && views.load_i32(place.plus(header::PREVIOUS))? == previous.within_file(),
                "what is at {place:?} is not the record after {previous:?}"
            );
            let bytes = views.load_i32(place.plus(header::BYTES))?;
            let known = records.insert(place, bytes);
            ensure!(
                known.is_none(),
                "the chain of records comes back to {place:?}"
            );
            previous = place;
            place = place.beside(views.load_i32(place.plus(header::NEXT))?);
        }
        let last = views.load_loc(owner.plus(extent::LAST_RECORD))?;
        ensure!(
            last == previous,
            "the last record is {previous:?}, not {last:?}"
        );
        Ok(())
    }

    /// What is free, each piece in the list for its size.
    fn free_records(&self, namespace: Namespace, pieces: &mut Pieces) -> Result<()> {
        for class in 0..RECORD_CLASSES {
            let mut place = self.views.load_loc(namespace.free_list(class))?;
            while !place.is_null() {
                let bytes = self.views.load_i32(place.plus(header::BYTES))?;
                ensure!(
                    class_of(bytes) == Some(class),
                    "{bytes} bytes at {place:?} are in the list {class}"
                );
                let known = pieces.insert(place, bytes);
                ensure!(known.is_none(), "{place:?} is free, and something else too");
                place = self.views.load_loc(place.plus(header::NEXT_FREE))?;
            }
        }
        Ok(())
    }

    /// The documents, by where they are.
    fn documents(&self, records: &Pieces) -> Result<BTreeMap<DiskLoc, Vec<u8>>> {
        let mut documents = BTreeMap::new();
        for (&place, &bytes) in records {
            let room = usize::try_from(bytes - RECORD_HEADER_BYTES)?;
            let data = self.views.load(place.plus(RECORD_HEADER_BYTES), room)?;
            let length = document::length(data).with_context(|| format!("{place:?}"))?;
            documents.insert(place, data[..length].to_vec());
        }
        Ok(documents)
    }

    /// An index has one entry for each document, and it leads there.
    fn check_index(&self, index: Namespace, documents: &BTreeMap<DiskLoc, Vec<u8>>) -> Result<()> {
        let mut expected = BTreeSet::new();
        for (&place, data) in documents {
            let key = match index {
                Namespace::ByTag => document::tag(data)?,
                _ => document::key(data)?,
            };
            expected.insert((key, place));
        }
        let entries = self.views.all_entries(index)?;
        let found: BTreeSet<_> = entries.iter().copied().collect();
        ensure!(entries.len() == found.len(), "an entry is there twice");
        let astray = found.symmetric_difference(&expected).next();
        ensure!(
            astray.is_none(),
            "entry and document do not agree: {astray:?}"
        );
        Ok(())
    }
}

fn keyed(data: Vec<u8>) -> Result<(u64, Vec<u8>)> {
    Ok((document::key(&data)?, data))
}

/// Each extent is records and free space from beginning to end, without gap and overlap.
fn cover(extents: &Pieces, pieces: &Pieces) -> Result<()> {
    let mut pieces = pieces.iter();
    for (&start, &bytes) in extents {
        let end = start.plus(bytes);
        let mut at = start;
        while at < end {
            let (&place, &bytes) = pieces.next().context("an extent has bytes of nobody")?;
            ensure!(place == at && bytes > 0, "{place:?} should begin at {at:?}");
            at = at.plus(bytes);
        }
        ensure!(at == end, "what ends at {at:?} should end at {end:?}");
    }
    ensure!(
        pieces.next().is_none(),
        "a record lies outside of all extents"
    );
    Ok(())
}
