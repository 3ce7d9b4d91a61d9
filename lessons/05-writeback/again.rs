//! The second store into a page: before and after the page was written back.

use anyhow::Result;
use lessons::Scenario;
use lessons::mapping::store_each_page;

use crate::{Data, store};

/// What the stores before the scenario leave.
const EARLIER: u8 = 1;

/// The pages are dirty already.
pub(crate) fn while_dirty(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    store_each_page(&mut mapping, EARLIER);
    scenario.run(|round| store(&mut mapping, round));
    bystander.guard(scenario)
}

/// The pages have been written back: they are in the page table, and clean.
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
