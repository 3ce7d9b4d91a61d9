//! Every workload that moves bytes as a scenario, so that one start of the tracer serves all of them.

use std::path::PathBuf;

use anyhow::Result;

use super::Page;
use crate::{
    random::Random,
    workload::{self, Expected},
};

pub(super) fn play(page: Page) -> Result<()> {
    play_each(page, workload::copying())
}

pub(super) fn by_requests(page: Page) -> Result<()> {
    play_each(page, workload::requesting())
}

/// Expects a value for every key: what a workload does not move must count as 0.
fn play_each(page: Page, names: impl Iterator<Item = &'static str>) -> Result<()> {
    let seed = Random::fresh_seed();
    for name in names {
        let (cell, expected) =
            page.scenario(name, || workload::perform(name, seed, PathBuf::from(".")));
        let expected = expected?;
        for key in Expected::keys() {
            page.expect(cell, &key, expected.get(&key) as usize);
        }
        page.observe(cell, "seed", "", seed.cast_signed());
    }
    Ok(())
}
