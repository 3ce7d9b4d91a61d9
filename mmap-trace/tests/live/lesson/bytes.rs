//! Every workload that moves bytes as a scenario, so that one start of the tracer serves all of them.

use std::path::PathBuf;

use anyhow::Result;

use super::Page;
use crate::{
    random::Random,
    workload::{self, Expected},
};

/// Expects a value for every key: what a workload does not move must count as 0.
pub(super) fn play(page: Page) -> Result<()> {
    let seed = Random::fresh_seed();
    for name in workload::copying() {
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
