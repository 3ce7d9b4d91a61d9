//! The same messages, acknowledged before they are on the device, or after.

use anyhow::Result;
use lessons::Scenario;
use lessons::address_space::dirty_pages;
use lessons::bystander::Bystander;

use crate::Data;
use crate::store::{Append, Store};
use crate::tally::Tally;

/// Messages that one wait for the device serves.
pub(crate) const GROUP: usize = 16;
/// Messages at most, because each may have to wait.
const MESSAGES: usize = 64;

/// Each is acknowledged as soon as it stands in memory.
pub(crate) fn never(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, usize::MAX, |_| Ok(()))
}

/// So many messages stand in memory, then the broker waits for the device once, and acknowledges them all.
pub(crate) fn groups(scenario: &mut Scenario, data: &Data, group: usize) -> Result<()> {
    play(scenario, data, group, Store::flush)
}

fn play(
    scenario: &mut Scenario,
    data: &Data,
    group: usize,
    flush: fn(&mut Store) -> Result<()>,
) -> Result<()> {
    let mut store = data.store(Append::Mapping)?;
    let messages = data.messages()?;
    let count = messages.count().min(MESSAGES);
    let bystander = Bystander::dirty(&data.directory)?;
    let acknowledged = scenario.run(|round| -> Result<()> {
        let mut tally = Tally::default();
        for place in 0..count {
            tally.add(store.append(&messages.get(place))?);
            if (place + 1) % group == 0 || place + 1 == count {
                flush(&mut store)?;
                tally.next_group();
            }
        }
        tally.report(round);
        Ok(())
    });
    bystander.guard(scenario)?;
    acknowledged.transpose()?;
    let mut dirty = 0;
    for file in &store.log.segments.files {
        dirty += dirty_pages(file.bytes())?;
    }
    scenario.observe("dirty_pages_acknowledged", dirty);
    Ok(())
}
