//! Stores a second time into each page, before or after the page was written back.

use anyhow::Result;
use lessons::Scenario;
use lessons::mapping::store_each_page;

use crate::{Data, store};

/// The byte that is stored before the scenario.
const EARLIER: u8 = 1;

/// Stores into pages that are already dirty.
pub(crate) fn while_dirty(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    store_each_page(&mut mapping, EARLIER);
    scenario.run(|round| store(&mut mapping, round));
    bystander.guard(scenario)
}

/// Stores into pages that were written back, so they are in the page table and clean.
pub(crate) fn after_msync(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    store_each_page(&mut mapping, EARLIER);
    mapping.flush()?;
    let bystander = data.bystander()?;
    let synced = scenario.run(|round| {
        store(&mut mapping, round);
        mapping.flush()
    });
    synced.transpose()?;
    bystander.guard(scenario)
}
