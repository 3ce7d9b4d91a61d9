//! Many groups: what gathers between two remaps, and what a flush finds after sixteen ticks.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::data::{Data, anonymous_bytes, read_all};
use crate::store::{TICKS_PER_FLUSH, TICKS_PER_REMAP};

/// Groups between the two remaps.
const GROUPS: [&str; 4] = ["after-1", "after-2", "after-3", "after-4"];

/// Each group updates another quarter of the documents.
pub(crate) fn between_remaps(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario, "between-remaps")?;
    let name = "private_copies_bytes";
    scenario.observe_by(name, "before", anonymous_bytes(&store)?);
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
        scenario.observe_by(name, by, anonymous_bytes(&store)?);
    }
    store.remap()?;
    scenario.observe_by(name, "after-remap", anonymous_bytes(&store)?);
    Ok(())
}

/// Every tick updates all documents; the store commits, remaps and flushes when it is due.
pub(crate) fn sixteen_ticks(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(scenario, "sixteen-ticks")?;
    read_all(&store, data.documents)?;
    let bystander = Bystander::dirty(&data.directory)?;
    let mut touched_pages = 0;
    let done = scenario.run(|round| -> Result<()> {
        for tick in 1..=TICKS_PER_FLUSH {
            for key in 0..data.documents {
                store.set_counter(key, tick)?;
                round.work.operations += 1;
            }
            store.tick(tick)?;
        }
        round.work.bytes = round.work.operations * 8;
        Ok(())
    });
    done.transpose()?;
    for key in 0..data.documents {
        store.set_counter(key, 0)?;
    }
    touched_pages += store.touched_pages();
    scenario.observe("touched_pages", i64::try_from(touched_pages)?);
    let section = i64::try_from(store.section_bytes())?;
    scenario.observe("section_bytes", section);
    let ticks = TICKS_PER_FLUSH.cast_signed();
    scenario.observe("groups", ticks);
    scenario.observe("remaps", ticks / TICKS_PER_REMAP.cast_signed());
    bystander.guard(scenario)
}
