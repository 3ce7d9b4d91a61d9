//! Where the kernel keeps what it knows about a mapping: in page tables, and those in its own memory.

use std::fs::File;

use anyhow::{Context, Result};
use lessons::address_space::page_tables_kib;
use lessons::mapping::{Advice, Filling, Reserved, Sharing, touch_each_page};
use lessons::{Scenario, page_bytes};

use crate::{Data, observe_area, observe_kib};

/// Stretches of the file, each as long as one page of page table reaches.
const STRETCHES: usize = 64;

/// Touches one byte in each stretch, so that every touch needs a page of page table of its own.
pub(crate) fn sparse_touch(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let bytes = STRETCHES * reach_bytes();
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&data.path)
        .with_context(|| format!("creating {}", data.path.display()))?;
    // Only a length: the file is one hole, so nothing has to be read.
    file.set_len(bytes as u64).context("ftruncate")?;
    let mapping = Reserved::new(bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    // Otherwise readahead would fill the cache with neighbours that a later touch maps as well.
    mapping.advise(Advice::MADV_RANDOM)?;
    observe_kib(scenario, "page_tables_before_kib", page_tables_kib()?);
    let body = scenario.run(|round| {
        round.work.bytes = STRETCHES as u64;
        round.work.pages = STRETCHES as u64;
        let stretches = mapping.chunks(reach_bytes());
        stretches
            .map(|stretch| touch_each_page(&stretch[..1]))
            .sum::<u64>()
    });
    if body.is_some() {
        observe_kib(scenario, "page_tables_after_kib", page_tables_kib()?);
        observe_area(scenario, &mapping)?;
    }
    Ok(())
}

/// A page of page table holds one entry of eight bytes for each page that it reaches.
fn reach_bytes() -> usize {
    page_bytes() * (page_bytes() / size_of::<u64>())
}
