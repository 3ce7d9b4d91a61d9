//! Every workload that moves bytes, each as a scenario: one start of the tracer serves all of them.

use std::path::PathBuf;

use anyhow::Result;

use super::Page;
use crate::{
    random::Random,
    workload::{self, Expected},
};

/// What a workload does not move must be counted as 0: every key is expected.
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
