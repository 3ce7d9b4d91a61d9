//! Stores that nobody asks to be written, and whose pages are thrown away before somebody does.

use std::fs;

use anyhow::{Context, Result, ensure};
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};

use crate::{Data, MARK, observe_dirty, store};

/// Nothing but the stores.
pub(crate) fn store_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    scenario.run(|round| store(&mut mapping, round));
    observe_dirty(scenario, &mapping)?;
    // A file without a name and without a user has nothing worth writing.
    data.remove()?;
    drop(mapping);
    bystander.guard(scenario)
}

/// The same pages with write(2).
pub(crate) fn write_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    use std::io::Write;
    let mut file = data.file(scenario)?;
    let bystander = data.bystander()?;
    let mut buffer = touched_buffer(page_bytes())?;
    buffer.fill(MARK);
    let written = scenario.run(|round| -> Result<()> {
        while round.work.bytes < data.bytes as u64 {
            let length = file.write(&buffer).context("write")?;
            ensure!(length > 0, "the file takes no more bytes");
            round.work.bytes += length as u64;
            round.work.operations += 1;
        }
        round.work.pages = round.work.operations;
        Ok(())
    });
    written.transpose()?;
    data.remove()?;
    drop(file);
    bystander.guard(scenario)
}

/// msync(2) with `MS_ASYNC`: the name promises that writing begins.
pub(crate) fn ask_without_waiting(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (_file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let asked = scenario.run(|round| {
        store(&mut mapping, round);
        mapping.flush_async()
    });
    asked.transpose()?;
    observe_dirty(scenario, &mapping)?;
    data.remove()?;
    drop(mapping);
    bystander.guard(scenario)
}

/// Name, mapping and descriptor go away inside the scenario: with them everything that was stored.
pub(crate) fn unlink(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (file, mut mapping) = data.mapped_file(scenario)?;
    let bystander = data.bystander()?;
    let thrown_away = scenario.run(|round| -> Result<()> {
        store(&mut mapping, round);
        fs::remove_file(&data.path).context("unlink")?;
        drop(mapping);
        drop(file);
        Ok(())
    });
    thrown_away.transpose()?;
    bystander.guard(scenario)
}
