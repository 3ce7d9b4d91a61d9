//! A broker is killed while it appends; the next one looks at what is left.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use lessons::shared::Shared;
use lessons::{Role, Scenario};
use nix::sys::signal::Signal;

use crate::Data;
use crate::messages::Messages;
use crate::store::{Append, Exit, Life, Store};

/// Where the acknowledged messages end.
#[derive(Default)]
struct Board {
    acknowledged: AtomicU64,
    end: AtomicU64,
}

/// It acknowledges every message once it is appended, and dies when a half of one more is.
pub(crate) fn play(scenario: &mut Scenario, data: &Data, append: Append) -> Result<()> {
    let mut store = data.store(append)?;
    let messages = data.messages()?;
    let board = Shared::<Board>::new()?;
    let killed = scenario.run(|round| -> Result<Signal> {
        let broker = round.fork(Role::Writer, || broker(&mut store, &messages, &board))?;
        round.work.operations = messages.count() as u64;
        round.join_killed(broker)
    });
    let Some(killed) = killed else {
        return Ok(());
    };
    scenario.observe("killed_by_signal", killed? as i64);
    let torn = rest(&store, board.end.load(Relaxed))?;
    drop(store);
    let mut settings = data.settings();
    settings.append = append;
    let (store, report) = Store::open(&settings, Life::default())?;
    let acknowledged = board.acknowledged.load(Relaxed);
    for (name, value) in [
        ("acknowledged_messages", acknowledged),
        ("recovered_messages", report.records),
        ("lost_messages", acknowledged.saturating_sub(report.records)),
        ("abort_file", u64::from(report.exit == Exit::Abnormal)),
        ("bytes_behind_the_end", torn),
        ("bytes_behind_the_end_after", rest(&store, report.end)?),
        (
            "entries",
            store.queues.iter().map(|queue| queue.entries).sum(),
        ),
    ] {
        scenario.observe(name, value.cast_signed());
    }
    store.close()
}

fn broker(store: &mut Store, messages: &Messages, board: &Board) -> Result<()> {
    let mut next = messages.iter().cycle();
    // With a buffer: until something stands in it.
    while board.acknowledged.load(Relaxed) < messages.count() as u64 || store.log.has_empty_buffer()
    {
        store.append(&next.next().context("no message")?)?;
        board.acknowledged.fetch_add(1, Relaxed);
        board.end.store(store.log.wrote(), Relaxed);
    }
    let last = next.next().context("no message")?;
    store.life = Life::of(last.record_bytes() as u64 / 2);
    store.append(&last).map(drop)
}

/// Bytes behind the end of the log that are not zero.
fn rest(store: &Store, end: u64) -> Result<u64> {
    let segment = store
        .log
        .segments
        .at(end)
        .context("no file behind the log")?;
    let rest = &segment.bytes()[segment.place(end)..];
    Ok(rest.iter().filter(|byte| **byte != 0).count() as u64)
}
