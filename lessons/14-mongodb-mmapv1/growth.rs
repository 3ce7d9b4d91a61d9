//! How a store grows: records, and the files that they lie in.

use anyhow::Result;
use lessons::Scenario;
use lessons::address_space::area_at;
use lessons::data::mix;

use crate::data::{DOCUMENTS_PER_GROUP, Data, TEXT_BYTES, options};
use crate::store::{Durability, RECORD_HEADER_BYTES, Store, compose};

/// Inserts documents of many lengths into an empty store.
pub(crate) fn fill(scenario: &mut Scenario, data: &Data) -> Result<()> {
    data.make_place()?;
    let mut store = Store::open(&data.place, options(data.documents, Durability::Journal))?;
    let mut document = Vec::with_capacity(2 * TEXT_BYTES);
    let filled = scenario.run(|round| -> Result<()> {
        for key in 0..data.documents {
            compose(&mut document, key, 0, text_bytes(key));
            store.insert(&document)?;
            if key % DOCUMENTS_PER_GROUP == 0 {
                store.commit()?;
            }
        }
        round.work.operations = data.documents;
        store.commit()
    });
    if filled.transpose()?.is_none() {
        return Ok(());
    }
    observe_records(scenario, &store, data.documents)?;
    observe_files(scenario, &store)?;
    observe_reuse(scenario, &mut store, data.documents)
}

/// Shorter and longer ones, without a pattern.
fn text_bytes(key: u64) -> usize {
    mix(key) as usize % (2 * TEXT_BYTES)
}

/// Bytes of the documents with a header for each, and of the records that hold them.
fn observe_records(scenario: &Scenario, store: &Store, documents: u64) -> Result<()> {
    let (mut needed, mut given) = (0, 0);
    for key in 0..documents {
        needed += store.find(key)?.len() + RECORD_HEADER_BYTES.unsigned_abs() as usize;
        given += store.record_bytes(key)?;
    }
    scenario.observe("needed_bytes", i64::try_from(needed)?);
    scenario.observe("record_bytes", i64::try_from(given)?);
    Ok(())
}

/// Lengths of the data files, and what is mapped of them and of the catalogue.
fn observe_files(scenario: &Scenario, store: &Store) -> Result<()> {
    let (mut sizes, mut mapped) = (Vec::new(), 0);
    for file in store.views().all() {
        sizes.push(file.file_bytes()?);
        for view in [Some(file.shared()), file.private()].into_iter().flatten() {
            mapped += area_at(view.as_ptr().addr() as u64)?.bytes();
        }
    }
    let all: u64 = sizes.iter().sum();
    // The first one is the catalogue.
    let data = &sizes[1..];
    for (number, bytes) in data.iter().enumerate() {
        scenario.observe_by("file_bytes", &format!("db-{number}"), bytes.cast_signed());
    }
    let doubled = data.windows(2).filter(|pair| pair[1] == 2 * pair[0]);
    for (name, value) in [
        ("data_files", data.len() as u64),
        ("doubled_files", doubled.count() as u64),
        ("all_files_bytes", all),
        ("mapped_bytes", mapped),
    ] {
        scenario.observe(name, value.cast_signed());
    }
    Ok(())
}

/// Whether a document takes the place of a removed one of its size.
fn observe_reuse(scenario: &Scenario, store: &mut Store, documents: u64) -> Result<()> {
    let place = store.place(0)?;
    let mut document = Vec::new();
    compose(&mut document, documents, 0, text_bytes(0));
    store.remove(0)?;
    store.insert(&document)?;
    let is_same = store.place(documents)? == place;
    scenario.observe("reused", i64::from(is_same));
    Ok(())
}
