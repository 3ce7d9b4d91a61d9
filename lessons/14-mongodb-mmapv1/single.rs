//! One update of one document, on its way to the data files.

use anyhow::{Context, Result};
use lessons::bystander::Bystander;
use lessons::{Scenario, page_bytes};

use crate::data::{Data, RECORD_BYTES, TEXT_BYTES, copies_bytes, read_all};
use crate::store::{RECORD_HEADER_BYTES, Store, compose};

/// Changes eight bytes of the document.
pub(crate) fn set_counter(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, 0, |store, key, _| {
        store.set_counter(key, 1)?;
        Ok(8)
    })
}

/// Replaces the document by one that is `more` bytes longer.
pub(crate) fn grow(scenario: &mut Scenario, data: &Data, more: usize) -> Result<()> {
    play(scenario, data, more, |store, _, document| {
        store.update(document)?;
        Ok(document.len())
    })
}

/// Changes the document with this key and returns how many bytes are new.
type Change = fn(&mut Store, u64, &[u8]) -> Result<usize>;

fn play(scenario: &mut Scenario, data: &Data, more: usize, change: Change) -> Result<()> {
    let mut store = data.store(scenario)?;
    read_all(&store, data.documents)?;
    let key = key_within_a_page(&store, data.documents)?;
    let mut document = Vec::new();
    compose(&mut document, key, 1, TEXT_BYTES + more);
    let before = store.place(key)?;
    let bystander = Bystander::dirty(&data.directory)?;
    let done = scenario.run(|round| -> Result<()> {
        round.work.operations = 1;
        round.work.bytes = change(&mut store, key, &document)? as u64;
        store.commit()?;
        store.flush()
    });
    done.transpose()?;
    scenario.observe("moved", i64::from(store.place(key)? != before));
    scenario.observe("copies_bytes", copies_bytes(&store)?);
    scenario.observe("section_bytes", i64::try_from(store.section_bytes())?);
    bystander.guard(scenario)
}

/// Finds a document in the middle of the store whose record lies within one page.
fn key_within_a_page(store: &Store, documents: u64) -> Result<u64> {
    let page = page_bytes();
    let bytes = RECORD_BYTES - RECORD_HEADER_BYTES as usize;
    for key in documents / 2..documents {
        let offset = usize::try_from(store.place(key)?.offset)?;
        if offset / page == (offset + bytes - 1) / page {
            return Ok(key);
        }
    }
    None.context("every document crosses a page boundary, so no update of one page can be counted")
}
