//! Whether a store is intact: every chain is consistent, every byte of an extent belongs to one record, and
//! every index leads to every document.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::Store;
use super::catalog::{self, Namespace};
use super::disk_loc::DiskLoc;
use super::document::{self, KEY, TAG, field};
use super::extents::{MAGIC, extent};
use super::records::header;
use super::sizes::{RECORD_CLASSES, RECORD_HEADER_BYTES, class_of};

/// Documents by key.
pub(crate) type Documents = BTreeMap<u64, Vec<u8>>;

/// Stretches of the files: their places and their bytes.
type Stretches = BTreeMap<DiskLoc, i32>;

impl Store {
    /// Returns all documents of an intact store, or the first damage as an error.
    pub(crate) fn check(&self) -> Result<Documents> {
        let mut documents = Stretches::new();
        for namespace in Namespace::ALL {
            let records = self.check_space(namespace).context(namespace.name())?;
            if namespace == Namespace::Documents {
                documents = records;
            }
        }
        let mut by_key = Documents::new();
        let (mut keys, mut tags) = (Vec::new(), Vec::new());
        for (&place, &bytes) in &documents {
            let room = usize::try_from(bytes - RECORD_HEADER_BYTES)?;
            let data = self.views.load(place.plus(RECORD_HEADER_BYTES), room)?;
            let document = document::trim(data).with_context(|| format!("{place:?}"))?;
            let key = field(document, KEY)?;
            keys.push((key, place));
            tags.push((field(document, TAG)?, place));
            by_key.insert(key, document.to_vec());
        }
        for (index, mut expected) in [(Namespace::ByKey, keys), (Namespace::ByTag, tags)] {
            let mut entries = self.views.all_entries(index)?;
            entries.sort_unstable();
            expected.sort_unstable();
            let name = index.name();
            ensure!(entries == expected, "{name} does not lead to the documents");
        }
        Ok(by_key)
    }

    /// Checks the extents of a namespace and returns the records in them.
    fn check_space(&self, namespace: Namespace) -> Result<Stretches> {
        let (extents, records) = self.extents_and_records(namespace)?;
        let count = self.views.load_u64(namespace.at(catalog::RECORDS))?;
        ensure!(
            count == records.len() as u64,
            "the catalog counts {count} records, the chains have {}",
            records.len()
        );
        let mut all = records.clone();
        self.add_free_records(namespace, &mut all)?;
        cover(&extents, &all)?;
        Ok(records)
    }

    fn extents_and_records(&self, namespace: Namespace) -> Result<(Stretches, Stretches)> {
        let views = &self.views;
        let (mut extents, mut records) = (Stretches::new(), Stretches::new());
        let first = namespace.at(catalog::FIRST_EXTENT);
        let last = namespace.at(catalog::LAST_EXTENT);
        self.follow(first, last, |place, previous| {
            ensure!(
                views.load_i32(place.plus(extent::MAGIC))? == MAGIC
                    && views.load_loc(place.plus(extent::MY_LOC))? == place
                    && views.load_loc(place.plus(extent::PREVIOUS))? == previous,
                "there is no extent at {place:?} that follows {previous:?}"
            );
            let bytes = views.load_i32(place.plus(extent::BYTES))? - extent::DATA;
            insert_new(&mut extents, place.plus(extent::DATA), bytes)?;
            self.add_records_of(place, &mut records)?;
            views.load_loc(place.plus(extent::NEXT))
        })?;
        Ok((extents, records))
    }

    fn add_records_of(&self, owner: DiskLoc, records: &mut Stretches) -> Result<()> {
        let views = &self.views;
        let first = owner.plus(extent::FIRST_RECORD);
        let last = owner.plus(extent::LAST_RECORD);
        self.follow(first, last, |place, previous| {
            ensure!(
                views.load_i32(place.plus(header::EXTENT))? == owner.offset
                    && views.load_i32(place.plus(header::PREVIOUS))? == previous.within_file(),
                "there is no record at {place:?} that follows {previous:?}"
            );
            insert_new(records, place, views.load_i32(place.plus(header::BYTES))?)?;
            Ok(place.beside(views.load_i32(place.plus(header::NEXT))?))
        })
    }

    /// Follows a chain between two fields; `visit` gets a place and the previous one, and returns the next.
    fn follow(
        &self,
        first: DiskLoc,
        last: DiskLoc,
        mut visit: impl FnMut(DiskLoc, DiskLoc) -> Result<DiskLoc>,
    ) -> Result<()> {
        let (mut place, mut previous) = (self.views.load_loc(first)?, DiskLoc::NULL);
        while !place.is_null() {
            let next = visit(place, previous)?;
            previous = place;
            place = next;
        }
        let last = self.views.load_loc(last)?;
        ensure!(
            last == previous,
            "a chain ends at {previous:?}, not at {last:?}"
        );
        Ok(())
    }

    /// Follows the lists of free records, each of which must be in the list for its size.
    fn add_free_records(&self, namespace: Namespace, records: &mut Stretches) -> Result<()> {
        for class in 0..RECORD_CLASSES {
            let mut place = self.views.load_loc(namespace.free_list(class))?;
            while !place.is_null() {
                let bytes = self.views.load_i32(place.plus(header::BYTES))?;
                ensure!(
                    class_of(bytes) == Some(class),
                    "{bytes} free bytes at {place:?} are in list {class}, which is for another size"
                );
                insert_new(records, place, bytes)?;
                place = self.views.load_loc(place.plus(header::NEXT_FREE))?;
            }
        }
        Ok(())
    }
}

/// Inserts a stretch; this fails where a chain runs in a circle or crosses another one.
fn insert_new(stretches: &mut Stretches, place: DiskLoc, bytes: i32) -> Result<()> {
    let known = stretches.insert(place, bytes);
    ensure!(
        known.is_none(),
        "{place:?} is in two chains, or twice in one"
    );
    Ok(())
}

/// Checks that records cover each extent from beginning to end, without a gap or an overlap.
fn cover(extents: &Stretches, records: &Stretches) -> Result<()> {
    let mut records = records.iter();
    for (&start, &bytes) in extents {
        let end = start.plus(bytes);
        let mut at = start;
        while at < end {
            let next = records.next();
            let (&place, &bytes) = next.with_context(|| format!("no record begins at {at:?}"))?;
            ensure!(
                place == at && bytes > 0,
                "a record begins at {place:?}, not at {at:?}"
            );
            at = at.plus(bytes);
        }
        ensure!(at == end, "a record ends at {at:?}, its extent at {end:?}");
    }
    ensure!(
        records.next().is_none(),
        "a record lies outside all extents"
    );
    Ok(())
}
