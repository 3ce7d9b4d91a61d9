//! Stores, followed by a call that returns when they are on the device.

use anyhow::{Context, Result};
use lessons::Scenario;

use crate::{Data, observe_dirty, store};

/// Passes over the pages before they are written once.
const PASSES: usize = 10;

pub(crate) fn msync(scenario: &mut Scenario, data: &Data) -> Result<()> {
    store_and_sync(scenario, data, 1)
}

pub(crate) fn ten_passes(scenario: &mut Scenario, data: &Data) -> Result<()> {
    store_and_sync(scenario, data, PASSES)
}

fn store_and_sync(scenario: &mut Scenario, data: &Data, passes: usize) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let synced = scenario.run(|round| {
        for _ in 0..passes {
            store(&mut mapping, round);
        }
        mapping.flush()
    });
    synced.transpose()?;
    bystander.guard(scenario)?;
    observe_dirty(scenario, &mapping)
}

/// Stores, and calls fsync(2), which knows nothing of the mapping.
pub(crate) fn fsync(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let synced = scenario.run(|round| {
        store(&mut mapping, round);
        file.sync_all().context("fsync")
    });
    synced.transpose()?;
    bystander.guard(scenario)?;
    observe_dirty(scenario, &mapping)
}
