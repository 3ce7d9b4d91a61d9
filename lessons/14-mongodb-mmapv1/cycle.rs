//! One group of updates on its way, a scenario for each step: what came before it is preparation.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, anonymous_bytes, read_all};
use crate::store::Store;

type Step = fn(&mut Store, u64) -> Result<()>;

/// The steps, in the order of a group's life.
pub(crate) const STEPS: [(&str, Step); 8] = [
    ("read", read),
    ("update", update),
    ("prepare", |store, _| store.prepare()),
    ("write-journal", |store, _| store.write_journal()),
    ("write-data-files", |store, _| store.write_data_files()),
    ("remap", |store, _| store.remap()),
    ("read-again", read),
    ("flush", |store, _| store.flush()),
];

fn read(store: &mut Store, documents: u64) -> Result<()> {
    read_all(store, documents)?;
    Ok(())
}

/// Eight bytes of each document.
fn update(store: &mut Store, documents: u64) -> Result<()> {
    (0..documents).try_for_each(|key| store.set_counter(key, key + 1))
}

/// Takes a new store to the step with this number, and runs it.
pub(crate) fn play(scenario: &mut Scenario, data: &Data, number: usize) -> Result<()> {
    let (name, body) = STEPS[number];
    let mut store = data.store(scenario, name)?;
    // So that the update finds every page in the page table, and its faults are those of its stores.
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.directory)?;
    let mut touched_pages = 0;
    for (_, step) in &STEPS[..number] {
        step(&mut store, data.documents)?;
        touched_pages = touched_pages.max(store.touched_pages());
    }
    scenario.observe_by("private_copies_bytes", "before", anonymous_bytes(&store)?);
    let done = scenario.run(|round| {
        round.work.operations = data.documents;
        round.work.bytes = data.documents * 8;
        body(&mut store, data.documents)
    });
    done.transpose()?;
    touched_pages = touched_pages.max(store.touched_pages());
    scenario.observe("touched_pages", i64::try_from(touched_pages)?);
    scenario.observe_by("private_copies_bytes", "after", anonymous_bytes(&store)?);
    let section = i64::try_from(store.section_bytes())?;
    scenario.observe("section_bytes", section);
    bystander.guard(scenario)
}
