//! Shows that page tables lie outside the mapping, in the kernel's memory.

use std::fs::File;

use anyhow::{Context, Result};
use lessons::address_space::page_tables_kib;
use lessons::mapping::{Advice, Filling, Reserved, Sharing, touch_each_page};
use lessons::{Scenario, page_bytes};

use crate::{Data, observe_area, observe_kib};

/// Parts of the file, each as long as what one page of page table covers.
const STRETCHES: usize = 64;

/// Touches one byte in each part, so that every touch needs a page of page table of its own.
pub(crate) fn sparse_touch(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let bytes = STRETCHES * reach_bytes();
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&data.path)
        .with_context(|| format!("create {}", data.path.display()))?;
    // The file is one hole, so nothing has to be read.
    file.set_len(bytes as u64).context("ftruncate")?;
    let mapping = Reserved::new(bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    // Readahead would fill the cache with neighbouring pages, which a later touch would map as well.
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

/// Bytes that one page of page table covers: it has an entry of eight bytes for each page.
fn reach_bytes() -> usize {
    page_bytes() * (page_bytes() / size_of::<u64>())
}
