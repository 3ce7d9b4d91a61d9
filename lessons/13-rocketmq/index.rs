//! The index of the log: one entry of 20 bytes for each message, in the order of its queue.

use anyhow::{Context, Result};
use lessons::Scenario;

use crate::Data;
use crate::store::{Found, Store};

/// Makes all entries, and then finds every message by its queue and its number.
pub(crate) fn dispatch(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (mut store, _) = data.filled_store()?;
    let end = store.log.wrote();
    let dispatched = scenario.run(|round| -> Result<()> {
        round.work.operations = store.dispatch()?;
        round.work.bytes = end;
        Ok(())
    });
    dispatched.transpose()?;
    scenario.observe("found_messages", found(&store)?);
    Ok(())
}

/// Messages that stand where their entry says, and that say the same of themselves.
fn found(store: &Store) -> Result<i64> {
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
