//! A broker is killed while it appends, and the next one opens what is left.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use lessons::shared::Shared;
use lessons::{Role, Scenario};
use nix::sys::signal::Signal;

use crate::Setup;
use crate::messages::Messages;
use crate::store::{Append, Exit, Life, MessageStore};

#[derive(Default)]
struct KillBoard {
    acknowledged: AtomicU64,
    /// Where the last acknowledged record ends.
    end: AtomicU64,
}

/// The broker acknowledges each message once it is appended, and dies when half of one more is.
pub(crate) fn play(scenario: &mut Scenario, setup: &Setup, append: Append) -> Result<()> {
    let mut store = setup.store(append)?;
    let messages = setup.messages();
    let board = Shared::<KillBoard>::new()?;
    let killed = scenario.run(|round| -> Result<Signal> {
        let broker = round.fork(Role::Writer, || {
            broker(&mut store, append, &messages, &board)
        })?;
        round.work.operations = messages.count() as u64;
        round.join_killed(broker)
    });
    let Some(killed) = killed else {
        return Ok(());
    };
    scenario.observe("killed_by_signal", killed? as i64);
    let torn = bytes_behind(&store, board.end.load(Relaxed))?;
    drop(store);
    let mut settings = setup.settings();
    settings.append = append;
    let (store, recovered) = MessageStore::open(&settings, Life::default())?;
    let (acknowledged, recovered_messages) = (board.acknowledged.load(Relaxed), recovered.records);
    let lost = acknowledged.saturating_sub(recovered_messages);
    let behind = bytes_behind(&store, recovered.end)?;
    let entries = store.queues.iter().map(|queue| queue.entries).sum();
    for (name, value) in [
        ("acknowledged_messages", acknowledged),
        ("recovered_messages", recovered_messages),
        ("lost_messages", lost),
        ("abort_file", u64::from(recovered.exit == Exit::Abnormal)),
        ("bytes_behind_the_end", torn),
        ("bytes_behind_the_end_after", behind),
        ("entries", entries),
    ] {
        scenario.observe(name, value.cast_signed());
    }
    store.close()
}

fn broker(
    store: &mut MessageStore,
    append: Append,
    messages: &Messages,
    board: &KillBoard,
) -> Result<()> {
    let mut next = messages.iter().cycle();
    // With a buffer, something must be in it at the end.
    while board.acknowledged.load(Relaxed) < messages.count() as u64
        || (append == Append::Buffer && store.log.committed == store.log.appended)
    {
        store.append(&next.next().context("no message")?)?;
        board.acknowledged.fetch_add(1, Relaxed);
        board.end.store(store.log.appended, Relaxed);
    }
    let last = next.next().context("no message")?;
    store.life = Life::of(last.record_bytes() as u64 / 2);
    store.append(&last).map(drop)
}

/// Counts the bytes behind this end of the log that are not zero.
fn bytes_behind(store: &MessageStore, end: u64) -> Result<u64> {
    let file = store.log.files.at(end).context("no file has this end")?;
    let rest = &file.bytes()[file.place(end)..];
    Ok(rest.iter().filter(|byte| **byte != 0).count() as u64)
}
