//! Lesson 13: how does a message store live on mmap?
//!
//! `store/` is a small message store whose files are those of Apache RocketMQ. Here it appends
//! (`append.rs`), waits for the device (`flush.rs`), makes its index (`index.rs`), answers a consumer
//! (`answers.rs`, `consumer.rs`) and is killed (`killed.rs`, `stale.rs`).

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::Scenario;

mod answers;
mod append;
mod consumer;
mod flush;
mod index;
mod killed;
mod messages;
mod stale;
mod store;
mod tally;

use messages::{Messages, QUEUES, TOPIC};
use store::{Append, Life, Settings, Store, Tail};

const SIZE_BYTES: u64 = 8 << 20;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 16] = [
    ("append-mmap", append::by_stores),
    ("warm-up", append::warm_up),
    ("append-warmed", append::after_warm_up),
    ("append-flushed", append::after_warm_up_and_flush),
    ("append-buffer", append::through_a_buffer),
    ("flush-async", |scenario, data| flush::never(scenario, data)),
    ("flush-each", |scenario, data| {
        flush::groups(scenario, data, 1)
    }),
    ("flush-group", |scenario, data| {
        flush::groups(scenario, data, flush::GROUP)
    }),
    ("dispatch", index::dispatch),
    ("answer-heap", |scenario, data| {
        answers::give(scenario, data, answers::Way::Heap)
    }),
    ("answer-mmap", |scenario, data| {
        answers::give(scenario, data, answers::Way::Mapping)
    }),
    ("answer-sendfile", |scenario, data| {
        answers::give(scenario, data, answers::Way::Sendfile)
    }),
    ("kill-mmap", |scenario, data| {
        killed::play(scenario, data, Append::Mapping)
    }),
    ("kill-buffer", |scenario, data| {
        killed::play(scenario, data, Append::Buffer)
    }),
    ("stale-kept", |scenario, data| {
        stale::play(scenario, data, Tail::Kept)
    }),
    ("stale-cleared", |scenario, data| {
        stale::play(scenario, data, Tail::Cleared)
    }),
];

/// Where stores lie, and how much goes through them.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let data = Data {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
        };
        for (name, play) in SCENARIOS {
            lesson.play(name, |scenario| {
                data.remove()?;
                play(scenario, &data)?;
                data.remove()
            })?;
        }
        Ok(())
    })
}

impl Data {
    fn home(&self) -> PathBuf {
        self.directory.join("store")
    }

    fn settings(&self) -> Settings {
        Settings::new(&self.home())
    }

    fn messages(&self) -> Result<Messages> {
        Messages::filling(self.bytes)
    }

    /// A new store with files for everything that will be appended, and all its queues.
    fn store(&self, append: Append) -> Result<Store> {
        let mut settings = self.settings();
        settings.append = append;
        let (mut store, _) = Store::open(&settings, Life::default())?;
        let more = self.bytes.next_multiple_of(settings.log_file_bytes) + settings.log_file_bytes;
        store.log.allocate(more as u64, &mut store.life)?;
        for queue in 0..QUEUES {
            store.queues.of(TOPIC, queue)?;
        }
        Ok(store)
    }

    /// A new store with all messages in it, on the device.
    fn filled_store(&self) -> Result<(Store, Messages)> {
        let mut store = self.store(Append::Mapping)?;
        let messages = self.messages()?;
        for message in messages.iter() {
            store.append(&message)?;
        }
        store.flush()?;
        Ok((store, messages))
    }

    fn remove(&self) -> Result<()> {
        messages::remove(&self.home())
    }
}
