//! One group of updates, with one scenario for each of its steps; earlier steps are preparation.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, copies_bytes, read_all};
use crate::store::Store;

type Step = fn(&mut Store, u64) -> Result<()>;

/// The life of a group. The first step changes eight bytes of each document.
const STEPS: [Step; 5] = [
    |store, documents| (0..documents).try_for_each(|key| store.set_counter(key, key + 1)),
    |store, _| store.prepare(),
    |store, _| store.write_journal(),
    |store, _| store.write_data_files(),
    |store, _| store.remap(),
];

/// Counts one of the steps.
pub(crate) fn step(scenario: &mut Scenario, data: &Data, number: usize) -> Result<()> {
    play(scenario, data, number, STEPS[number])
}

/// Counts the loads of all documents after the first `steps` steps.
pub(crate) fn read_after(scenario: &mut Scenario, data: &Data, steps: usize) -> Result<()> {
    play(scenario, data, steps, |store, documents| {
        read_all(store, documents)
    })
}

/// Counts step 3 and the flush together: writeback is charged to the scenario that dirtied the pages.
pub(crate) fn write_and_flush(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, 3, |store, _| {
        store.write_data_files()?;
        store.flush()
    })
}

fn play(scenario: &mut Scenario, data: &Data, before: usize, body: Step) -> Result<()> {
    let mut store = data.store(scenario)?;
    // Maps every page, so that the only faults of an update are those of its stores.
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.directory)?;
    let mut touched_pages = 0;
    for step in &STEPS[..before] {
        step(&mut store, data.documents)?;
        touched_pages = touched_pages.max(store.touched_pages());
    }
    scenario.observe_by("copies_bytes", "before", copies_bytes(&store)?);
    let done = scenario.run(|round| {
        round.work.operations = data.documents;
        body(&mut store, data.documents)
    });
    done.transpose()?;
    touched_pages = touched_pages.max(store.touched_pages());
    for (name, value) in [
        ("touched_pages", touched_pages),
        ("section_bytes", store.section_bytes()),
        ("files", store.files().len()),
    ] {
        scenario.observe(name, i64::try_from(value)?);
    }
    scenario.observe_by("copies_bytes", "after", copies_bytes(&store)?);
    bystander.guard(scenario)
}
