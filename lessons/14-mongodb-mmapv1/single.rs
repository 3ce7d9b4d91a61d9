//! One update of one document, on its way to the data files.

use anyhow::{Context, Result};
use lessons::bystander::Bystander;
use lessons::{Scenario, page_bytes};

use crate::data::{Data, SPARE_BYTES, TEXT_BYTES, copies_bytes, read_all};
use crate::store::{Store, Update, compose};

/// Changes the document with this key, and says how many bytes of it are new.
type Change = fn(&mut Store, u64, &[u8]) -> Result<usize>;

/// Eight bytes.
pub(crate) fn set_counter(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, TEXT_BYTES, |store, key, _| {
        store.set_counter(key, 1)?;
        Ok(8)
    })
}

/// The document grows until its record is full.
pub(crate) fn grow_in_place(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let text = TEXT_BYTES + SPARE_BYTES;
    play(scenario, data, text, replace)
}

/// By one byte more.
pub(crate) fn grow_and_move(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let text = TEXT_BYTES + SPARE_BYTES + 1;
    play(scenario, data, text, replace)
}

fn replace(store: &mut Store, _key: u64, document: &[u8]) -> Result<usize> {
    let _: Update = store.update(document)?;
    Ok(document.len())
}

fn play(scenario: &mut Scenario, data: &Data, text_bytes: usize, change: Change) -> Result<()> {
    let mut store = data.store(scenario)?;
    read_all(&store, data.documents)?;
    let key = key_within_a_page(&store, data.documents)?;
    let mut document = Vec::new();
    compose(&mut document, key, 1, text_bytes);
    let before = store.place(key)?;
    let bystander = Bystander::dirty(&data.place)?;
    let done = scenario.run(|round| -> Result<()> {
        round.work.operations = 1;
        round.work.bytes = change(&mut store, key, &document)? as u64;
        store.commit()?;
        store.flush()
    });
    done.transpose()?;
    let moved = store.place(key)? != before;
    scenario.observe("moved", i64::from(moved));
    scenario.observe("copies_bytes", copies_bytes(&store)?);
    let section = i64::try_from(store.section_bytes())?;
    scenario.observe("section_bytes", section);
    bystander.guard(scenario)
}

/// A document whose record lies in one page, in the middle of the others.
fn key_within_a_page(store: &Store, documents: u64) -> Result<u64> {
    let page = page_bytes();
    for key in documents / 2..documents {
        let offset = usize::try_from(store.place(key)?.offset)?;
        if offset / page == (offset + TEXT_BYTES + 32 + SPARE_BYTES - 1) / page {
            return Ok(key);
        }
    }
    None.context("no document lies in one page")
}
