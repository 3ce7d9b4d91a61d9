//! A message store modelled on Apache RocketMQ.
//!
//! The files of its log and of its index have the product's format, byte for byte; the program is a small
//! model.
//! All messages stand one after another in the *commit log* (`commit_log.rs`).
//! Each queue of a topic has a file of 20-byte entries that say where its messages are (`consume_queue.rs`).
//! After a crash the log is right, and the index is rebuilt from it (`recovery.rs`).

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

mod commit_log;
mod consume_queue;
mod entry;
mod life;
mod mapped_files;
mod queues;
mod record;
mod recovery;
mod settings;

pub(crate) use commit_log::CommitLog;
pub(crate) use life::Life;
pub(crate) use mapped_files::Span;
pub(crate) use record::{BLANK_BYTES, Found, Message};
pub(crate) use recovery::{Exit, Recovered};
pub(crate) use settings::{Append, StoreSettings, Tail};

use queues::Queues;

pub(crate) struct MessageStore {
    pub(crate) log: CommitLog,
    pub(crate) queues: Queues,
    /// Exists while a broker runs, so that the next one knows whether this one was killed.
    abort: PathBuf,
    /// Where the first record without an index entry begins.
    dispatched: u64,
    pub(crate) life: Life,
}

impl MessageStore {
    /// Opens or creates the store, and repairs what a crash has left.
    pub(crate) fn open(settings: &StoreSettings, life: Life) -> Result<(Self, Recovered)> {
        let home = &settings.home;
        fs::create_dir_all(home).with_context(|| format!("creating {}", home.display()))?;
        let abort = home.join("abort");
        let exit = if abort.exists() {
            Exit::Abnormal
        } else {
            Exit::Normal
        };
        fs::write(&abort, std::process::id().to_string())
            .with_context(|| format!("writing {}", abort.display()))?;
        let mut store = MessageStore {
            log: CommitLog::load(settings)?,
            queues: Queues::new(settings),
            abort,
            dispatched: 0,
            life,
        };
        let recovered = store.recover(exit, settings.tail)?;
        Ok((store, recovered))
    }

    /// Appends a message to the log and returns where its record is.
    ///
    /// The producer may be told at once (`ASYNC_FLUSH`), or after the next [`flush`](Self::flush)
    /// (`SYNC_FLUSH`).
    pub(crate) fn append(&mut self, message: &Message) -> Result<Span> {
        let queue = self.queues.of(message.topic, message.queue)?;
        let span = self.log.append(message, queue.next, &mut self.life)?;
        queue.next += 1;
        Ok(span)
    }

    /// Moves buffered records into the page cache.
    pub(crate) fn commit(&mut self) -> Result<()> {
        self.log.commit(&mut self.life)
    }

    /// Waits once until every appended record is on the device.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.log.flush(&mut self.life)
    }

    /// Adds an index entry for each record that has none, and returns their number.
    ///
    /// In the product a thread does this every millisecond (`ReputMessageService`).
    pub(crate) fn dispatch(&mut self) -> Result<u64> {
        let mut count = 0;
        while let Some((record, next)) = self.log.next_record(self.dispatched) {
            self.queues.put(&record, &mut self.life)?;
            self.dispatched = next;
            count += 1;
        }
        Ok(count)
    }

    /// Ends normally: log and index are on the device, and the next start can trust the index.
    pub(crate) fn close(mut self) -> Result<()> {
        self.flush()?;
        self.dispatch()?;
        self.queues.flush()?;
        fs::remove_file(&self.abort).with_context(|| format!("removing {}", self.abort.display()))
    }
}
