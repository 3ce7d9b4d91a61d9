//! The index of the log: one 20-byte entry for each message, in the order of its queue.

use anyhow::{Context, Result};
use lessons::Scenario;

use crate::Setup;
use crate::store::{Found, MessageStore};

/// Makes all entries, and then looks every message up by its queue and its number.
pub(crate) fn dispatch(scenario: &mut Scenario, setup: &Setup) -> Result<()> {
    let (mut store, _) = setup.filled_store()?;
    let end = store.log.appended;
    let dispatched = scenario.run(|round| -> Result<()> {
        round.work.operations = store.dispatch()?;
        round.work.bytes = end;
        Ok(())
    });
    dispatched.transpose()?;
    scenario.observe("found_messages", found(&store)?);
    Ok(())
}

/// Counts the messages that are where their entry says, and whose record agrees.
fn found(store: &MessageStore) -> Result<i64> {
    let mut found = 0;
    for queue in store.queues.iter() {
        for number in 0..queue.entries {
            let entry = queue.entry(number).context("an entry is missing")?;
            found += i64::from(matches!(store.log.look(entry.offset),
                Some(Found::Record(record)) if record.queue == queue.number
                    && record.queue_offset == number
                    && record.bytes == entry.bytes as usize));
        }
    }
    Ok(found)
}
