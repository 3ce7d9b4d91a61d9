//! Stores through one view, and what the other views show.

use std::hint::black_box;

use anyhow::Result;
use lessons::data::{Cached, Files};
use lessons::mapping::{Sharing, touch_each_page};
use lessons::memory::Footprint;
use lessons::{Role, Scenario};

use crate::views::{map, mark, marks, observe, write_marks};

/// Stores into a shared mapping.
pub(crate) fn shared(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "shared-store", Cached::Whole)?;
    let mut view = map(&file, files, Sharing::Shared)?;
    let private = map(&file, files, Sharing::Private)?;
    store_and_sync(scenario, &mut view, &file)?;
    observe(scenario, files, &file, &view, &private)
}

/// Stores into a private mapping.
pub(crate) fn private(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "private-store", Cached::Whole)?;
    let mut view = map(&file, files, Sharing::Private)?;
    let shared = map(&file, files, Sharing::Shared)?;
    store_and_sync(scenario, &mut view, &file)?;
    observe(scenario, files, &file, &shared, &view)
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
pub(crate) fn by_another_process(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "other-process-stores", Cached::Whole)?;
    let ours = map(&file, files, Sharing::Shared)?;
    let private = map(&file, files, Sharing::Private)?;
    black_box(touch_each_page(&ours));
    let seen = scenario.run(|round| -> Result<u64> {
        let writer = round.fork(Role::Writer, || {
            let mut theirs = map(&file, files, Sharing::Shared)?;
            mark(&mut theirs);
            Ok(())
        })?;
        round.join(writer)?;
        round.work.pages = files.pages();
        round.work.bytes = files.bytes() as u64;
        round.work.operations = files.pages();
        Ok(marks(&ours))
    });
    let Some(seen) = seen else { return Ok(()) };
    scenario.observe("seen_at_once_pages", seen?.cast_signed());
    observe(scenario, files, &file, &ours, &private)
}

/// Changes the file under a private mapping that was loaded from.
pub(crate) fn write_after_load(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "write-after-load", Cached::Whole)?;
    let private = map(&file, files, Sharing::Private)?;
    black_box(touch_each_page(&private));
    write(scenario, files, &file)?;
    let shared = map(&file, files, Sharing::Shared)?;
    observe(scenario, files, &file, &shared, &private)
}

/// Changes the file under a private mapping that was stored into.
pub(crate) fn write_after_store(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "write-after-store", Cached::Whole)?;
    let mut private = map(&file, files, Sharing::Private)?;
    // The store goes to the end of each page, so that it does not touch the place of the mark.
    let end = lessons::page_bytes() - 1;
    lessons::mapping::store_each_page(&mut private[end..], 1);
    write(scenario, files, &file)?;
    let shared = map(&file, files, Sharing::Shared)?;
    observe(scenario, files, &file, &shared, &private)
}

fn write(scenario: &mut Scenario, files: &Files, file: &std::fs::File) -> Result<()> {
    let written = scenario.run(|round| {
        round.work.pages = files.pages();
        round.work.bytes = files.pages() * crate::views::MARK.len() as u64;
        round.work.operations = files.pages();
        write_marks(file, files)
    });
    written.transpose()?;
    Ok(())
}
