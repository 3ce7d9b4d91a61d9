//! One group of updates on its way, a scenario for each step: what comes before it is preparation.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, copies_bytes, read_all};
use crate::store::Store;

type Step = fn(&mut Store, u64) -> Result<()>;

/// The steps, in the order of a group's life.
const STEPS: [Step; 5] = [
    update,
    |store, _| store.prepare(),
    |store, _| store.write_journal(),
    |store, _| store.write_data_files(),
    |store, _| store.remap(),
];

/// What is counted, and how many of the steps come before it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    before: usize,
    body: Step,
}

/// In the order in which the text looks at them.
pub(crate) const CASES: [Case; 8] = [
    case("read", 0, read),
    case("update", 0, STEPS[0]),
    case("prepare", 1, STEPS[1]),
    case("write-journal", 2, STEPS[2]),
    case("write-data-files", 3, STEPS[3]),
    case("remap", 4, STEPS[4]),
    case("read-again", 5, read),
    // Who dirties pages is charged with their writing, so both are in one scenario.
    case("write-and-flush", 3, |store, _| {
        store.write_data_files()?;
        store.flush()
    }),
];

const fn case(name: &'static str, before: usize, body: Step) -> Case {
    Case { name, before, body }
}

fn read(store: &mut Store, documents: u64) -> Result<()> {
    read_all(store, documents)
}

/// Eight bytes of each document.
fn update(store: &mut Store, documents: u64) -> Result<()> {
    (0..documents).try_for_each(|key| store.set_counter(key, key + 1))
}

/// Takes a new store through the steps before, and runs the case.
pub(crate) fn play(scenario: &mut Scenario, data: &Data, case: &Case) -> Result<()> {
    let mut store = data.store(scenario)?;
    // So that the update finds every page in the page table, and its faults are those of its stores.
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.place)?;
    let mut touched_pages = 0;
    for step in &STEPS[..case.before] {
        step(&mut store, data.documents)?;
        touched_pages = touched_pages.max(store.touched_pages());
    }
    scenario.observe_by("copies_bytes", "before", copies_bytes(&store)?);
    let done = scenario.run(|round| {
        round.work.operations = data.documents;
        (case.body)(&mut store, data.documents)
    });
    done.transpose()?;
    touched_pages = touched_pages.max(store.touched_pages());
    for (name, value) in [
        ("touched_pages", touched_pages),
        ("section_bytes", store.section_bytes()),
        ("files", store.views().all().count()),
    ] {
        scenario.observe(name, i64::try_from(value)?);
    }
    scenario.observe_by("copies_bytes", "after", copies_bytes(&store)?);
    bystander.guard(scenario)
}
