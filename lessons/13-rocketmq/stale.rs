//! The trap of the old tail.
//!
//! A page of the log never reached the device before the power went. The next broker ends the log there,
//! and appends. If its records end where an old one begins that is still whole, the broker after that takes
//! the old ones for new.

use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::{Role, Scenario, page_bytes};
use nix::sys::signal::Signal;

use crate::Data;
use crate::messages::Messages;
use crate::store::{Found, Life, Settings, Store, Tail};

/// Messages before the power cut; the record of each fills one page.
const MESSAGES: u64 = 10;
/// The page that is lost.
const LOST: u64 = 4;

pub(crate) fn play(scenario: &mut Scenario, data: &Data, tail: Tail) -> Result<()> {
    let mut settings = data.settings();
    settings.tail = tail;
    before_the_power_cut(&settings)?;
    let next = Messages::alike(MESSAGES, 1, page_bytes())?;
    let killed = scenario.run(|round| -> Result<Signal> {
        round.work.operations = 1;
        let broker = round.fork(Role::Writer, || {
            let (mut store, _) = Store::open(&settings, Life::default())?;
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

/// The file as it would be: with zeros where a page was not written.
fn before_the_power_cut(settings: &Settings) -> Result<()> {
    let messages = Messages::alike(0, MESSAGES, page_bytes())?;
    let (mut store, _) = Store::open(settings, Life::default())?;
    for message in messages.iter() {
        store.append(&message)?;
    }
    let segment = store.log.segments.at(0).context("no file")?;
    let zeros = vec![0; page_bytes()];
    let lost = segment
        .file
        .write_all_at(&zeros, LOST * page_bytes() as u64);
    lost.context("pwrite")
}

fn observe(scenario: &Scenario, settings: &Settings) -> Result<()> {
    let (store, report) = Store::open(settings, Life::default())?;
    // What the first broker after the power cut had, and its own message.
    let right = LOST + 1;
    let mut in_place = 0;
    for place in right..report.records {
        let offset = place * page_bytes() as u64;
        in_place += i64::from(matches!(store.log.look(offset),
            Some(Found::Record(record)) if record.offset == offset));
    }
    for (name, value) in [
        ("recovered_messages", report.records.cast_signed()),
        (
            "stale_messages",
            report.records.cast_signed() - right.cast_signed(),
        ),
        ("stale_messages_in_place", in_place),
    ] {
        scenario.observe(name, value);
    }
    store.close()
}
