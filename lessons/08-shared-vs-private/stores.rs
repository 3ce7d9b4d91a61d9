//! Stores through one view, and what the other views show.

use std::hint::black_box;

use anyhow::Result;
use lessons::mapping::{Sharing, touch_each_page};
use lessons::memory::Footprint;
use lessons::{Role, Scenario};

use crate::Data;
use crate::views::{map, mark, marks, observe, write_marks};

/// Stores into a shared mapping.
pub(crate) fn shared(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "shared-store")?;
    let mut view = map(&file, data, Sharing::Shared)?;
    let private = map(&file, data, Sharing::Private)?;
    store_and_sync(scenario, &mut view, &file)?;
    observe(scenario, data, &file, &view, &private)
}

/// Stores into a private mapping.
pub(crate) fn private(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "private-store")?;
    let mut view = map(&file, data, Sharing::Private)?;
    let shared = map(&file, data, Sharing::Shared)?;
    store_and_sync(scenario, &mut view, &file)?;
    observe(scenario, data, &file, &shared, &view)
}

/// Stores once into each page, and then has all dirty pages written.
fn store_and_sync(scenario: &mut Scenario, view: &mut [u8], file: &std::fs::File) -> Result<()> {
    let before = Footprint::now()?;
    let stored = scenario.run(|round| -> Result<()> {
        round.work.pages = mark(view);
        round.work.bytes = view.len() as u64;
        round.work.operations = round.work.pages;
        Ok(file.sync_all()?)
    });
    stored.transpose()?;
    let growth = Footprint::now()?.growth_since(before);
    scenario.observe("anonymous_growth_bytes", growth.anonymous_bytes);
    Ok(())
}

/// Lets another process store into its mapping, and looks through ours.
pub(crate) fn by_another_process(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "other-process-stores")?;
    let ours = map(&file, data, Sharing::Shared)?;
    let private = map(&file, data, Sharing::Private)?;
    black_box(touch_each_page(&ours));
    let seen = scenario.run(|round| -> Result<u64> {
        let writer = round.fork(Role::Writer, || {
            let mut theirs = map(&file, data, Sharing::Shared)?;
            mark(&mut theirs);
            Ok(())
        })?;
        round.join(writer)?;
        round.work.pages = data.pages();
        round.work.bytes = data.bytes as u64;
        round.work.operations = data.pages();
        Ok(marks(&ours))
    });
    let Some(seen) = seen else { return Ok(()) };
    scenario.observe("seen_at_once_pages", seen?.cast_signed());
    observe(scenario, data, &file, &ours, &private)
}

/// Changes the file under a private mapping that was loaded from.
pub(crate) fn write_after_load(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "write-after-load")?;
    let private = map(&file, data, Sharing::Private)?;
    black_box(touch_each_page(&private));
    write(scenario, data, &file)?;
    let shared = map(&file, data, Sharing::Shared)?;
    observe(scenario, data, &file, &shared, &private)
}

/// Changes the file under a private mapping that was stored into.
pub(crate) fn write_after_store(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "write-after-store")?;
    let mut private = map(&file, data, Sharing::Private)?;
    // The store goes to the end of each page, so that it does not touch the place of the mark.
    let end = lessons::page_bytes() - 1;
    lessons::mapping::store_each_page(&mut private[end..], 1);
    write(scenario, data, &file)?;
    let shared = map(&file, data, Sharing::Shared)?;
    observe(scenario, data, &file, &shared, &private)
}

fn write(scenario: &mut Scenario, data: &Data, file: &std::fs::File) -> Result<()> {
    let written = scenario.run(|round| {
        round.work.pages = data.pages();
        round.work.bytes = data.pages() * crate::views::MARK.len() as u64;
        round.work.operations = data.pages();
        write_marks(file, data)
    });
    written.transpose()?;
    Ok(())
}
