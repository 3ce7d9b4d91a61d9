//! How a store grows: records, and the files that they lie in.

use anyhow::Result;
use lessons::Scenario;
use lessons::data::mix;

use crate::data::{DOCUMENTS_PER_GROUP, Data, TEXT_BYTES, options};
use crate::store::{Durability, Store, TEXT_OFFSET, compose, record_bytes};

/// Inserts documents of many lengths into an empty store.
pub(crate) fn fill(scenario: &mut Scenario, data: &Data) -> Result<()> {
    data.make_place()?;
    let mut store = Store::open(&data.place, options(data.documents, Durability::Journal))?;
    let mut document = Vec::with_capacity(2 * TEXT_BYTES);
    let (mut needed, mut given) = (0, 0);
    let filled = scenario.run(|round| -> Result<()> {
        for key in 0..data.documents {
            compose(&mut document, key, 0, mix(key) as usize % (2 * TEXT_BYTES));
            store.insert(&document)?;
            needed += document.len() + 16;
            given += record_bytes(document.len()).unwrap_or(0);
            if key % DOCUMENTS_PER_GROUP == 0 {
                store.commit()?;
            }
        }
        round.work.operations = data.documents;
        store.commit()
    });
    filled.transpose()?;
    scenario.observe("needed_bytes", i64::try_from(needed)?);
    scenario.observe("record_bytes", i64::from(given));
    observe_files(scenario, &store)?;
    observe_reuse(scenario, &mut store, data.documents)
}

/// Lengths of the data files, and what is mapped of them and of the catalogue.
fn observe_files(scenario: &Scenario, store: &Store) -> Result<()> {
    let files = store.views().all();
    let bytes: Vec<usize> = files.map(|file| file.shared().len()).collect();
    let private = store.views().all().filter_map(|file| file.private());
    let private: usize = private.map(<[u8]>::len).sum();
    let all: usize = bytes.iter().sum();
    // The first one is the catalogue.
    let data = &bytes[1..];
    for (number, bytes) in data.iter().enumerate() {
        let by = format!("db-{number}");
        scenario.observe_by("file_bytes", &by, i64::try_from(*bytes)?);
    }
    let doubled = data.windows(2).filter(|pair| pair[1] == 2 * pair[0]);
    for (name, value) in [
        ("data_files", data.len()),
        ("doubled_files", doubled.count()),
        ("all_files_bytes", all),
        ("mapped_bytes", all + private),
    ] {
        scenario.observe(name, i64::try_from(value)?);
    }
    Ok(())
}

/// Whether a document takes the place of a removed one of its size.
fn observe_reuse(scenario: &Scenario, store: &mut Store, documents: u64) -> Result<()> {
    // Nothing is there if the body was left out.
    let Ok(place) = store.place(0) else {
        return Ok(());
    };
    let mut document = Vec::new();
    compose(
        &mut document,
        documents,
        0,
        store.find(0)?.len() - TEXT_OFFSET,
    );
    store.remove(0)?;
    store.insert(&document)?;
    let is_same = store.place(documents)? == place;
    scenario.observe("reused", i64::from(is_same));
    Ok(())
}
