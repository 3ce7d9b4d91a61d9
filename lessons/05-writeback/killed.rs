//! A process stores into every page and is killed; are its stores lost?

use anyhow::{Context, Result};
use lessons::data::{evict, resident_pages};
use lessons::mapping::store_each_page;
use lessons::{Role, Scenario, page_bytes};
use nix::sys::signal::{Signal, raise};

use crate::{Data, MARK};

/// Has a process store and kill itself with SIGKILL, so that it cannot clean up.
pub(crate) fn after_store(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let (file, mut mapping) = data.mapped_file(scenario)?;
    let killed = scenario.run(|round| -> Result<Signal> {
        let writer = round.fork(Role::Writer, || {
            store_each_page(&mut mapping, MARK);
            raise(Signal::SIGKILL).context("raise")
        })?;
        round.work.pages = (data.bytes / page_bytes()) as u64;
        round.work.bytes = round.work.pages;
        round.work.operations = round.work.pages;
        round.join_killed(writer)
    });
    if let Some(signal) = killed.transpose()? {
        scenario.observe("killed_by_signal", signal as i64);
    }
    scenario.observe("pages_with_the_store", data.marked_pages(&file)?);
    // Mapped pages cannot be evicted. Evicting calls fsync, which writes the dead process's pages.
    drop(mapping);
    evict(&file)?;
    let resident = resident_pages(&file, data.bytes)?;
    scenario.observe("resident_pages_after", resident.cast_signed());
    scenario.observe("pages_on_the_device", data.marked_pages(&file)?);
    Ok(())
}
