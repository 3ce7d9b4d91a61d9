//! The trap of the old tail.
//!
//! A page of the log did not reach the device before the power failed.
//! The next broker ends the log there, and appends.
//! If its record ends where an old one begins, the broker after that takes the old records for new ones.

use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::{Role, Scenario, page_bytes};
use nix::sys::signal::Signal;

use crate::Setup;
use crate::messages::Messages;
use crate::store::{Found, Life, MessageStore, StoreSettings, Tail};

/// Messages before the power failure; the record of each fills one page.
const MESSAGES: u64 = 10;
const LOST_PAGE: u64 = 4;

pub(crate) fn play(scenario: &mut Scenario, setup: &Setup, tail: Tail) -> Result<()> {
    let mut settings = setup.settings();
    settings.tail = tail;
    before_the_power_failure(&settings)?;
    let next = Messages::alike(MESSAGES, 1, page_bytes());
    let killed = scenario.run(|round| -> Result<Signal> {
        round.work.operations = 1;
        let broker = round.fork(Role::Writer, || {
            let (mut store, _) = MessageStore::open(&settings, Life::default())?;
            store.append(&next.get(0))?;
            store.life = Life::of(0);
            store.append(&next.get(0)).map(drop)
        })?;
        round.join_killed(broker)
    });
    if let Some(killed) = killed {
        scenario.observe("killed_by_signal", killed? as i64);
        observe(scenario, &settings)?;
    }
    Ok(())
}

/// Leaves the file as a power failure would: with zeros where a page was not written.
fn before_the_power_failure(settings: &StoreSettings) -> Result<()> {
    let messages = Messages::alike(0, MESSAGES, page_bytes());
    let (mut store, _) = MessageStore::open(settings, Life::default())?;
    for message in messages.iter() {
        store.append(&message)?;
    }
    let file = store.log.files.at(0).context("no file")?;
    let zeros = vec![0; page_bytes()];
    let lost = file
        .file
        .write_all_at(&zeros, LOST_PAGE * page_bytes() as u64);
    lost.context("pwrite")
}

fn observe(scenario: &Scenario, settings: &StoreSettings) -> Result<()> {
    let (store, recovered) = MessageStore::open(settings, Life::default())?;
    // The messages before the lost page, and the one that took its place.
    let right = LOST_PAGE + 1;
    let mut in_place = 0;
    for place in right..recovered.records {
        let offset = place * page_bytes() as u64;
        in_place += i64::from(matches!(store.log.look(offset),
            Some(Found::Record(record)) if record.offset == offset));
    }
    let records = recovered.records.cast_signed();
    for (name, value) in [
        ("recovered_messages", records),
        ("stale_messages", records - right.cast_signed()),
        ("stale_messages_in_place", in_place),
    ] {
        scenario.observe(name, value);
    }
    store.close()
}
