//! All consume queues: `consumequeue/TOPIC/NUMBER/`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::consume_queue::ConsumeQueue;
use super::life::Life;
use super::record::Record;
use super::settings::Settings;

pub(crate) struct Queues {
    settings: Settings,
    queues: Vec<ConsumeQueue>,
}

impl Queues {
    pub(crate) fn load(settings: &Settings) -> Result<Self> {
        let home = settings.home.join("consumequeue");
        let mut queues = Vec::new();
        for topic in names(&home)? {
            for number in names(&home.join(&topic))? {
                let queue = number
                    .parse()
                    .with_context(|| format!("{topic}/{number} is no queue"))?;
                queues.push(ConsumeQueue::load(settings, &topic, queue)?);
            }
        }
        Ok(Queues {
            settings: settings.clone(),
            queues,
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConsumeQueue> {
        self.queues.iter()
    }

    /// The queue of this topic and number, if it has ever had a message.
    pub(crate) fn get(&self, topic: &str, number: u32) -> Option<&ConsumeQueue> {
        self.queues
            .iter()
            .find(|queue| is_named(queue, topic, number))
    }

    /// The same, or a new one.
    pub(crate) fn of(&mut self, topic: &str, number: u32) -> Result<&mut ConsumeQueue> {
        let known = self
            .queues
            .iter()
            .position(|queue| is_named(queue, topic, number));
        let place = known.unwrap_or(self.queues.len());
        if known.is_none() {
            let queue = ConsumeQueue::load(&self.settings, topic, number)?;
            self.queues.push(queue);
        }
        Ok(&mut self.queues[place])
    }

    pub(crate) fn put(&mut self, record: &Record, life: &mut Life) -> Result<()> {
        self.of(record.topic, record.queue)?.put(record, life)
    }

    pub(crate) fn cut(&mut self, log_end: u64, life: &mut Life) -> Result<()> {
        let mut queues = self.queues.iter_mut();
        queues.try_for_each(|queue| queue.cut(log_end, life))
    }

    pub(crate) fn flush(&self) -> Result<()> {
        self.queues.iter().try_for_each(ConsumeQueue::flush)
    }
}

fn is_named(queue: &ConsumeQueue, topic: &str, number: u32) -> bool {
    queue.number == number && queue.topic == topic
}

fn names(directory: &Path) -> Result<Vec<String>> {
    let context = || format!("reading {}", directory.display());
    fs::create_dir_all(directory).with_context(context)?;
    let entries = fs::read_dir(directory).with_context(context)?;
    entries
        .map(|entry| {
            let name = entry.with_context(context)?.file_name();
            let name = name.to_str().context("a name that is not UTF-8")?;
            Ok(name.to_owned())
        })
        .collect()
}
