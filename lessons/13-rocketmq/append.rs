//! All messages, appended in different ways; nobody waits for the device.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;
use lessons::mapping::store_each_page;

use crate::Setup;
use crate::store::{Append, MessageStore};
use crate::tally::LogTally;

pub(crate) fn to_untouched_files(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    append(scenario, setup, setup.store(Append::Mapping)?)
}

/// Every page of these files has been stored to.
pub(crate) fn to_warmed_files(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    let mut store = setup.store(Append::Mapping)?;
    touch_each_page(&mut store);
    append(scenario, setup, store)
}

/// The same, and then those pages were written to the device.
pub(crate) fn to_flushed_files(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    let mut store = setup.store(Append::Mapping)?;
    touch_each_page(&mut store);
    for file in &store.log.files.files {
        file.flush()?;
    }
    append(scenario, setup, store)
}

pub(crate) fn through_a_buffer(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    append(scenario, setup, setup.store(Append::Buffer)?)
}

/// The warm-up alone.
pub(crate) fn warm_up(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    let mut store = setup.store(Append::Mapping)?;
    scenario.run(|round| {
        let pages = touch_each_page(&mut store);
        (round.work.pages, round.work.bytes) = (pages, pages);
        round.work.operations = pages;
    });
    Ok(())
}

/// `warmMappedFile`: stores a zero into each page of the log, and returns the number of pages.
fn touch_each_page(store: &mut MessageStore) -> u64 {
    let files = store.log.files.files.iter_mut();
    files.map(|file| store_each_page(file.bytes_mut(), 0)).sum()
}

/// The bystander's page shows whether somebody has written the log's dirty pages meanwhile.
fn append(scenario: &mut Scenario, setup: &Setup, mut store: MessageStore) -> Result<()> {
    let messages = setup.messages();
    let bystander = Bystander::dirty(&setup.directory)?;
    let mut tally = LogTally::default();
    let appended = scenario.run(|round| -> Result<()> {
        for message in messages.iter() {
            tally.add(store.append(&message)?);
        }
        store.commit()?;
        tally.report(round);
        Ok(())
    });
    bystander.guard(scenario)?;
    if let Some(appended) = appended {
        appended?;
        let files = tally.end.div_ceil(store.log.files.file_bytes as u64);
        for (name, number) in [
            ("backward_appends", tally.backward),
            ("jumps", tally.jumps),
            ("files", files),
        ] {
            scenario.observe(name, number.cast_signed());
        }
    }
    Ok(())
}
