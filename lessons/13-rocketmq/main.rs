//! Lesson 13: how does a message store live on mmap?
//!
//! `store/` is a small model of Apache RocketMQ's message store.
//! Here it appends (`append.rs`), waits for the device (`flush.rs`), makes its index (`index.rs`), answers a
//! consumer (`answers.rs`) and is killed (`killed.rs`, `stale.rs`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::Scenario;

mod answers;
mod append;
mod consumer;
mod delivery;
mod flush;
mod index;
mod killed;
mod messages;
mod protocol;
mod serve;
mod stale;
mod store;
mod tally;

use delivery::Delivery;
use messages::{Messages, QUEUES, TOPIC};
use store::{Append, Life, MessageStore, StoreSettings, Tail};

const SIZE_BYTES: u64 = 8 << 20;

/// Rounds of each timed answer: enough for the interval of its time to leave the extreme ones out.
const ROUNDS: usize = 11;

type Body = fn(&mut Scenario, &Setup) -> Result<()>;

/// What the store writes, in the order of the text.
const WRITES: [(&str, Body); 9] = [
    ("append-mmap", append::to_untouched_files),
    ("warm-up", append::warm_up),
    ("append-warmed", append::to_warmed_files),
    ("append-flushed", append::to_flushed_files),
    ("append-buffer", append::through_a_buffer),
    ("flush-async", |it, setup| flush::never(it, setup)),
    ("flush-each", |it, setup| flush::groups_of(1, it, setup)),
    ("flush-group", |it, setup| {
        flush::groups_of(flush::GROUP, it, setup)
    }),
    ("dispatch", index::dispatch),
];

const ANSWERS: [(&str, Delivery); 3] = [
    ("answer-heap", Delivery::Heap),
    ("answer-mmap", Delivery::Mapping),
    ("answer-sendfile", Delivery::Sendfile),
];

/// The same once more, in rounds that alternate, so that their times can be compared.
const TIMED_ANSWERS: [(&str, Delivery); 4] = [
    ("timed-heap", Delivery::Heap),
    ("timed-mmap", Delivery::Mapping),
    ("timed-gathered", Delivery::Gathered),
    ("timed-sendfile", Delivery::Sendfile),
];

const CRASHES: [(&str, Body); 4] = [
    ("kill-mmap", |it, setup| {
        killed::play(it, setup, Append::Mapping)
    }),
    ("kill-buffer", |it, setup| {
        killed::play(it, setup, Append::Buffer)
    }),
    ("stale-kept", |it, setup| stale::play(it, setup, Tail::Kept)),
    ("stale-cleared", |it, setup| {
        stale::play(it, setup, Tail::Cleared)
    }),
];

/// Where each scenario makes its store, and how many bytes of records go into it.
struct Setup {
    directory: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let setup = Setup {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
        };
        for (name, body) in WRITES {
            lesson.play(name, |scenario| {
                setup.with_new_home(|| body(scenario, &setup))
            })?;
        }
        let give = |scenario: &mut Scenario, delivery: &Delivery| {
            setup.with_new_home(|| answers::give(scenario, &setup, *delivery))
        };
        for (name, delivery) in ANSWERS {
            lesson.play(name, |scenario| give(scenario, &delivery))?;
        }
        let timed = TIMED_ANSWERS.map(|(name, delivery)| (name.to_owned(), delivery));
        lesson.alternate(ROUNDS, &timed, give)?;
        for (name, body) in CRASHES {
            lesson.play(name, |scenario| {
                setup.with_new_home(|| body(scenario, &setup))
            })?;
        }
        Ok(())
    })
}

impl Setup {
    fn with_new_home(&self, body: impl FnOnce() -> Result<()>) -> Result<()> {
        messages::remove(&self.directory.join("store"))?;
        body()?;
        messages::remove(&self.directory.join("store"))
    }

    fn settings(&self) -> StoreSettings {
        StoreSettings {
            home: self.directory.join("store"),
            log_file_bytes: 1 << 20,
            queue_file_entries: 300,
            append: Append::Mapping,
            tail: Tail::Cleared,
        }
    }

    fn messages(&self) -> Messages {
        Messages::filling(self.bytes)
    }

    /// A new store that has all its queues, and files for everything that will be appended.
    fn store(&self, append: Append) -> Result<MessageStore> {
        let mut settings = self.settings();
        settings.append = append;
        let (mut store, _) = MessageStore::open(&settings, Life::default())?;
        let file_bytes = settings.log_file_bytes;
        let end = self.bytes.next_multiple_of(file_bytes) + file_bytes;
        while store.log.files.end() < end as u64 {
            store.log.files.grow(&mut store.life)?;
        }
        for queue in 0..QUEUES {
            store.queues.of(TOPIC, queue)?;
        }
        Ok(store)
    }

    /// A new store with all messages in it, on the device.
    fn filled_store(&self) -> Result<(MessageStore, Messages)> {
        let mut store = self.store(Append::Mapping)?;
        let messages = self.messages();
        for message in messages.iter() {
            store.append(&message)?;
        }
        store.flush()?;
        Ok((store, messages))
    }
}
