//! Many groups: which copies accumulate between two remaps, and what a flush writes after sixteen ticks.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, copies_bytes, read_all};
use crate::store::{Store, TICKS_PER_FLUSH, TICKS_PER_REMAP};

/// Observations after each of the groups.
const GROUPS: [&str; 4] = ["after-1", "after-2", "after-3", "after-4"];

/// Each group updates another quarter of the documents.
pub(crate) fn between_remaps(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario)?;
    scenario.observe_by("copies_bytes", "before", copies_bytes(&store)?);
    for (group, name) in GROUPS.iter().enumerate() {
        let start_of = |group: usize| data.documents * group as u64 / GROUPS.len() as u64;
        let done = scenario.run(|round| -> Result<()> {
            for key in start_of(group)..start_of(group + 1) {
                store.set_counter(key, 1)?;
                round.work.operations += 1;
            }
            store.commit()
        });
        done.transpose()?;
        scenario.observe_by("copies_bytes", name, copies_bytes(&store)?);
    }
    store.remap()?;
    scenario.observe_by("copies_bytes", "after-remap", copies_bytes(&store)?);
    observe_touched(scenario, &mut store, data.documents)
}

/// Every tick updates all documents; the store commits, remaps and flushes on its schedule.
pub(crate) fn sixteen_ticks(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario)?;
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.directory)?;
    let before = store.journal_bytes();
    let done = scenario.run(|round| -> Result<()> {
        for tick in 1..=TICKS_PER_FLUSH {
            for key in 0..data.documents {
                store.set_counter(key, tick)?;
                round.work.operations += 1;
            }
            store.tick(tick)?;
        }
        Ok(())
    });
    done.transpose()?;
    for (name, value) in [
        ("journal_bytes", store.journal_bytes() - before),
        ("section_bytes", store.section_bytes() as u64),
        ("groups", TICKS_PER_FLUSH),
        ("remaps", TICKS_PER_FLUSH / TICKS_PER_REMAP),
    ] {
        scenario.observe(name, value.cast_signed());
    }
    bystander.guard(scenario)?;
    observe_touched(scenario, &mut store, data.documents)
}

/// Updates all documents once more to count the pages that this stores into.
fn observe_touched(scenario: &Scenario, store: &mut Store, documents: u64) -> Result<()> {
    for key in 0..documents {
        store.set_counter(key, 0)?;
    }
    scenario.observe("touched_pages", i64::try_from(store.touched_pages())?);
    Ok(())
}
