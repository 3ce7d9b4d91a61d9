//! All messages, appended in different ways. Nobody waits for the device.

use anyhow::Result;
use lessons::Scenario;
use lessons::bystander::Bystander;

use crate::Data;
use crate::messages::Messages;
use crate::store::{Append, Store};
use crate::tally::Tally;

/// By stores into files that nobody has touched.
pub(crate) fn by_stores(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let store = data.store(Append::Mapping)?;
    append(scenario, data, store)
}

/// By stores into files of which every page was stored to before.
pub(crate) fn after_warm_up(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(Append::Mapping)?;
    store.log.warm_up();
    append(scenario, data, store)
}

/// The same, but those pages are on the device.
pub(crate) fn after_warm_up_and_flush(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(Append::Mapping)?;
    store.log.warm_up();
    for file in &store.log.segments.files {
        file.flush()?;
    }
    append(scenario, data, store)
}

/// By write(2), several records at once.
pub(crate) fn through_a_buffer(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let store = data.store(Append::Buffer)?;
    append(scenario, data, store)
}

/// The warm-up alone.
pub(crate) fn warm_up(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut store = data.store(Append::Mapping)?;
    scenario.run(|round| {
        round.work.pages = store.log.warm_up();
        round.work.bytes = round.work.pages;
        round.work.operations = round.work.pages;
    });
    Ok(())
}

/// Pages that are dirty stay so while a bystander's page does.
fn append(scenario: &mut Scenario, data: &Data, mut store: Store) -> Result<()> {
    let messages = data.messages()?;
    let bystander = Bystander::dirty(&data.directory)?;
    let mut tally = Tally::default();
    let appended = scenario.run(|round| -> Result<()> {
        append_all(&mut store, &messages, &mut tally)?;
        tally.report(round);
        Ok(())
    });
    bystander.guard(scenario)?;
    if let Some(appended) = appended {
        appended?;
        scenario.observe("backward_appends", tally.backward.cast_signed());
        scenario.observe("jumps", tally.jumps.cast_signed());
        let files = store
            .log
            .segments
            .at(tally.end - 1)
            .map_or(0, |last| last.end() / store.log.file_bytes());
        scenario.observe("files", files.cast_signed());
    }
    Ok(())
}

fn append_all(store: &mut Store, messages: &Messages, tally: &mut Tally) -> Result<()> {
    for message in messages.iter() {
        tally.add(store.append(&message)?);
    }
    store.commit()
}
