//! How a store grows: its records, and the files that hold them.

use anyhow::Result;
use lessons::Scenario;
use lessons::address_space::area_at;
use lessons::data::mix;

use crate::data::{self, Data, TEXT_BYTES};
use crate::store::{RECORD_HEADER_BYTES, Store, compose};

/// Inserts documents of many lengths into an empty store.
pub(crate) fn fill(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.empty_store()?;
    let filled = scenario.run(|round| {
        round.work.operations = data.documents;
        data::fill(&mut store, data.documents, text_bytes)
    });
    if filled.transpose()?.is_none() {
        return Ok(());
    }
    observe_records(scenario, &store, data.documents)?;
    observe_files(scenario, &store)?;
    observe_reuse(scenario, &mut store, data.documents)
}

/// Lengths without a pattern, on average those of the other scenarios.
fn text_bytes(key: u64) -> usize {
    mix(key) as usize % (2 * TEXT_BYTES)
}

/// Compares the bytes of the documents and their headers with the records that hold them.
fn observe_records(scenario: &Scenario, store: &Store, documents: u64) -> Result<()> {
    let (mut needed, mut given) = (0, 0);
    for key in 0..documents {
        needed += store.find(key)?.len() + RECORD_HEADER_BYTES as usize;
        given += store.record_bytes(key)?;
    }
    scenario.observe("needed_bytes", i64::try_from(needed)?);
    scenario.observe("record_bytes", i64::try_from(given)?);
    Ok(())
}

/// Records the lengths of the data files, and how much address space the whole store takes.
fn observe_files(scenario: &Scenario, store: &Store) -> Result<()> {
    let (mut sizes, mut mapped) = (Vec::new(), 0);
    for file in store.files() {
        sizes.push(file.file_bytes()?);
        for view in [Some(file.shared()), file.private()].into_iter().flatten() {
            mapped += area_at(view.as_ptr().addr() as u64)?.bytes();
        }
    }
    // The first file is the catalog.
    let data_files = &sizes[1..];
    for (number, bytes) in data_files.iter().enumerate() {
        scenario.observe_by("file_bytes", &format!("db-{number}"), bytes.cast_signed());
    }
    let doubled = data_files.windows(2).filter(|pair| pair[1] == 2 * pair[0]);
    for (name, value) in [
        ("data_files", data_files.len() as u64),
        ("doubled_files", doubled.count() as u64),
        ("all_files_bytes", sizes.iter().sum()),
        ("mapped_bytes", mapped),
    ] {
        scenario.observe(name, value.cast_signed());
    }
    Ok(())
}

/// Finds out whether a document takes the place of a removed one of its size.
fn observe_reuse(scenario: &Scenario, store: &mut Store, new_key: u64) -> Result<()> {
    let place = store.place(0)?;
    let mut document = Vec::new();
    compose(&mut document, new_key, 0, text_bytes(0));
    store.remove(0)?;
    store.insert(&document)?;
    scenario.observe("reused", i64::from(store.place(new_key)? == place));
    Ok(())
}
