//! Stores that nobody asks to be written, and whose pages are discarded before the flusher writes them.

use std::fs;

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};

use crate::{Data, MARK, observe_dirty, store};

/// Only stores.
pub(crate) fn store_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    scenario.run(|round| store(&mut mapping, round));
    observe_dirty(scenario, &mapping)?;
    // When the file's name and its last user are gone, the kernel discards its dirty pages.
    fs::remove_file(&data.path).context("unlink")?;
    drop(mapping);
    bystander.guard(scenario)
}

/// Writes the same pages with write(2).
pub(crate) fn write_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    use std::io::Write;
    let mut file = data.file(scenario)?;
    let bystander = data.bystander()?;
    let mut buffer = touched_buffer(page_bytes())?;
    buffer.fill(MARK);
    let written = scenario.run(|round| -> Result<()> {
        while round.work.bytes < data.bytes as u64 {
            let length = file.write(&buffer).context("write")?;
            ensure!(length > 0, "write accepted no bytes");
            round.work.bytes += length as u64;
            round.work.operations += 1;
        }
        round.work.pages = round.work.operations;
        Ok(())
    });
    written.transpose()?;
    fs::remove_file(&data.path).context("unlink")?;
    drop(file);
    bystander.guard(scenario)
}

/// Stores, and calls msync(2) with `MS_ASYNC`, whose name promises that writing begins.
pub(crate) fn ask_without_waiting(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let asked = scenario.run(|round| {
        store(&mut mapping, round);
        mapping.flush_async()
    });
    asked.transpose()?;
    observe_dirty(scenario, &mapping)?;
    fs::remove_file(&data.path).context("unlink")?;
    drop(mapping);
    bystander.guard(scenario)
}

/// Stores, and removes the file's name, mapping and descriptor inside the scenario.
pub(crate) fn unlink(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let discarded = scenario.run(|round| -> Result<()> {
        store(&mut mapping, round);
        fs::remove_file(&data.path).context("unlink")?;
        drop(mapping);
        drop(file);
        Ok(())
    });
    discarded.transpose()?;
    bystander.guard(scenario)
}
