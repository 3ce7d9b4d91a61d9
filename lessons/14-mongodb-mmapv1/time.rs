//! Many groups: what gathers between two remaps, and what a flush finds after sixteen ticks.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, copies_bytes, read_all};
use crate::store::{Store, TICKS_PER_FLUSH, TICKS_PER_REMAP};

/// Groups between the two remaps.
const GROUPS: [&str; 4] = ["after-1", "after-2", "after-3", "after-4"];

/// Each group updates another quarter of the documents.
pub(crate) fn between_remaps(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario)?;
    let name = "copies_bytes";
    scenario.observe_by(name, "before", copies_bytes(&store)?);
    for (group, by) in GROUPS.iter().enumerate() {
        let part = |number: usize| data.documents * number as u64 / GROUPS.len() as u64;
        let done = scenario.run(|round| -> Result<()> {
            for key in part(group)..part(group + 1) {
                store.set_counter(key, 1)?;
                round.work.operations += 1;
            }
            store.commit()
        });
        done.transpose()?;
        scenario.observe_by(name, by, copies_bytes(&store)?);
    }
    store.remap()?;
    scenario.observe_by(name, "after-remap", copies_bytes(&store)?);
    observe_touched(scenario, &mut store, data.documents)
}

/// Every tick updates all documents; the store commits, remaps and flushes when it is due.
pub(crate) fn sixteen_ticks(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario)?;
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.place)?;
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
    let journal_bytes = i64::try_from(store.journal_bytes() - before)?;
    scenario.observe("journal_bytes", journal_bytes);
    let section = i64::try_from(store.section_bytes())?;
    scenario.observe("section_bytes", section);
    let ticks = TICKS_PER_FLUSH.cast_signed();
    scenario.observe("groups", ticks);
    scenario.observe("remaps", ticks / TICKS_PER_REMAP.cast_signed());
    bystander.guard(scenario)?;
    observe_touched(scenario, &mut store, data.documents)
}

/// Pages that an update of all documents stores into, found by doing it once more.
fn observe_touched(scenario: &Scenario, store: &mut Store, documents: u64) -> Result<()> {
    for key in 0..documents {
        store.set_counter(key, 0)?;
    }
    let pages = i64::try_from(store.touched_pages())?;
    scenario.observe("touched_pages", pages);
    Ok(())
}
