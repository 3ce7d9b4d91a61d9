//! A message store in the manner of Apache RocketMQ: its files are byte for byte the product's, its program
//! is not the product.
//!
//! All messages of all topics stand in one *commit log*, one behind the other. Each queue has a file of
//! entries of 20 bytes that say where its messages stand in the log. `record.rs` and `entry.rs` are the
//! formats, `segments.rs` the files, `commit_log.rs` and `consume_queue.rs` what is done with them,
//! `recovery.rs` what a start has to find out, and `life.rs` who ends it all.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

mod abort;
mod checkpoint;
mod commit_log;
mod consume_queue;
mod entry;
mod life;
mod queues;
mod record;
mod recovery;
mod segments;
mod settings;

pub(crate) use commit_log::{CommitLog, Place};
pub(crate) use life::Life;
pub(crate) use record::{BLANK_BYTES, Found, Message};
pub(crate) use recovery::{Exit, Report};
pub(crate) use settings::{Append, Settings, Tail};

use abort::Abort;
use checkpoint::Checkpoint;
use queues::Queues;

/// A store that is open.
pub(crate) struct Store {
    pub(crate) log: CommitLog,
    pub(crate) queues: Queues,
    checkpoint: Checkpoint,
    abort: Abort,
    /// Up to where the log's records have entries in their queues.
    dispatched: u64,
    pub(crate) life: Life,
}

impl Store {
    /// Opens the store at this place, or makes it, and mends what an abnormal exit has left.
    pub(crate) fn open(settings: &Settings, life: Life) -> Result<(Store, Report)> {
        fs::create_dir_all(&settings.home)
            .with_context(|| format!("creating {}", settings.home.display()))?;
        let (abort, exit) = Abort::begin(place(settings, "abort"))?;
        let mut store = Store {
            log: CommitLog::load(settings)?,
            queues: Queues::load(settings)?,
            checkpoint: Checkpoint::open(&place(settings, "checkpoint"))?,
            abort,
            dispatched: 0,
            life,
        };
        let report = store.recover(exit, settings.tail)?;
        Ok((store, report))
    }

    /// Puts a message into the log and says where. It may be acknowledged at once (`ASYNC_FLUSH`), or after
    /// the next [`Store::flush`] (`SYNC_FLUSH`).
    pub(crate) fn append(&mut self, message: &Message) -> Result<Place> {
        let queue = self.queues.of(message.topic, message.queue)?;
        let place = self.log.append(message, queue.next, &mut self.life)?;
        queue.next += 1;
        Ok(place)
    }

    /// Hands over to the page cache what stands in a buffer.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.log.commit(&mut self.life)
    }

    /// Waits until everything that was appended is on the device: one wait for all of it, however many
    /// messages that are.
    pub(crate) fn flush(&mut self) -> Result<()> {
        if let Some(newest_ms) = self.log.flush(&mut self.life)? {
            self.checkpoint.log_is_flushed(newest_ms);
        }
        Ok(())
    }

    /// Reads what the log has gained, and writes an entry into the queue of each message. How many those were.
    ///
    /// The product has a thread for it, which looks for more every millisecond (`ReputMessageService`).
    pub(crate) fn dispatch(&mut self) -> Result<u64> {
        let mut count = 0;
        while let Some((record, next)) = self.log.next_record(self.dispatched) {
            self.queues.put(&record, &mut self.life)?;
            self.dispatched = next;
            count += 1;
        }
        Ok(count)
    }

    /// Ends in good order: everything is on the device, and the next start need not ask.
    pub(crate) fn close(mut self) -> Result<()> {
        self.flush()?;
        // Only now has the page cache what stood in a buffer.
        self.dispatch()?;
        self.queues.flush()?;
        self.checkpoint.queues_are_flushed();
        self.checkpoint.flush()?;
        self.abort.end()
    }
}

fn place(settings: &Settings, name: &str) -> PathBuf {
    settings.home.join(name)
}
