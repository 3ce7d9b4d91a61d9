//! The consume queues of a store: `consumequeue/TOPIC/NUMBER/`.

use std::fs;

use anyhow::{Context, Result};

use super::consume_queue::ConsumeQueue;
use super::life::Life;
use super::record::Record;
use super::settings::StoreSettings;

pub(crate) struct Queues {
    settings: StoreSettings,
    /// Those that somebody has asked for.
    queues: Vec<ConsumeQueue>,
}

impl Queues {
    pub(crate) fn new(settings: &StoreSettings) -> Self {
        Queues {
            settings: settings.clone(),
            queues: Vec::new(),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConsumeQueue> {
        self.queues.iter()
    }

    pub(crate) fn get(&self, topic: &str, number: u32) -> Option<&ConsumeQueue> {
        let mut queues = self.queues.iter();
        queues.find(|queue| queue.is_named(topic, number))
    }

    /// The queue of this topic and number, loaded or created if nobody has asked for it before.
    pub(crate) fn of(&mut self, topic: &str, number: u32) -> Result<&mut ConsumeQueue> {
        let mut queues = self.queues.iter();
        let known = queues.position(|queue| queue.is_named(topic, number));
        let index = known.unwrap_or(self.queues.len());
        if known.is_none() {
            let queue = ConsumeQueue::load(&self.settings, topic, number)?;
            self.queues.push(queue);
        }
        Ok(&mut self.queues[index])
    }

    pub(crate) fn put(&mut self, record: &Record, life: &mut Life) -> Result<()> {
        self.of(record.topic, record.queue)?.put(record, life)
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.queues.iter().try_for_each(ConsumeQueue::flush)
    }

    /// Removes the whole index.
    pub(crate) fn remove_all(&mut self, life: &mut Life) -> Result<()> {
        self.queues.clear();
        life.step();
        let index = self.settings.home.join("consumequeue");
        if index.exists() {
            fs::remove_dir_all(&index).with_context(|| format!("removing {}", index.display()))?;
        }
        Ok(())
    }
}
