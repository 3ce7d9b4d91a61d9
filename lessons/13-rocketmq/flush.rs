//! The same messages, acknowledged before they are on the device or after.

use anyhow::Result;
use lessons::Scenario;
use lessons::address_space::dirty_pages;
use lessons::bystander::Bystander;

use crate::Setup;
use crate::store::{Append, MessageStore};
use crate::tally::LogTally;

/// Messages that share one wait for the device.
pub(crate) const GROUP: usize = 16;
/// Few messages, because each may have to wait.
const MOST_MESSAGES: usize = 64;

/// Each message is acknowledged as soon as it is in memory.
pub(crate) fn never(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    play(scenario, setup, usize::MAX, |_| Ok(()))
}

/// The broker appends a group, waits once for the device, and then acknowledges them all.
pub(crate) fn groups_of(group: usize, scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    play(scenario, setup, group, MessageStore::flush)
}

fn play(
    scenario: &mut Scenario,
    setup: &Setup,
    group: usize,
    flush: fn(&mut MessageStore) -> Result<()>,
) -> Result<()> {
    let mut store = setup.store(Append::Mapping)?;
    let messages = setup.messages();
    let count = messages.count().min(MOST_MESSAGES);
    let bystander = Bystander::dirty(&setup.directory)?;
    let acknowledged = scenario.run(|round| -> Result<()> {
        let mut tally = LogTally::default();
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
    for file in &store.log.files.files {
        dirty += dirty_pages(file.bytes())?;
    }
    scenario.observe("dirty_pages_acknowledged", dirty);
    Ok(())
}
