//! The messages of this lesson: a text that repeats its number.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use lessons::data::mix;

use crate::store::Message;

pub(crate) const TOPIC: &str = "orders";
/// Queues of the topic; messages go to them in turn.
pub(crate) const QUEUES: u32 = 4;
const TAGS: [&str; 2] = ["paid", "open"];

const SHORTEST_BODY: usize = 512;
const LONGEST_BODY: usize = 1536;

/// Messages that exist before anybody appends them; the same in every run.
#[derive(Default)]
pub(crate) struct Messages {
    bodies: Vec<u8>,
    /// Where each body ends.
    ends: Vec<usize>,
}

impl Messages {
    /// As many messages as have records of `bytes` in all, but at least one.
    pub(crate) fn filling(bytes: usize) -> Self {
        let mut messages = Messages::default();
        let mut left = bytes;
        for number in 0.. {
            let range = LONGEST_BODY - SHORTEST_BODY + 1;
            messages.add(number, SHORTEST_BODY + (mix(number) as usize) % range);
            let record = messages.get(number as usize).record_bytes();
            if record > left && number > 0 {
                messages.ends.pop();
                break;
            }
            left = left.saturating_sub(record);
        }
        messages
    }

    /// `count` messages whose records have exactly `record_bytes`; the first has number `first`.
    pub(crate) fn alike(first: u64, count: u64, record_bytes: usize) -> Self {
        let mut messages = Messages::default();
        let without_body = message(0, &[]).record_bytes();
        for number in first..first + count {
            messages.add(number, record_bytes - without_body);
        }
        messages
    }

    fn add(&mut self, number: u64, length: usize) {
        let text = format!("message {number}, ");
        self.bodies.extend(text.bytes().cycle().take(length));
        self.ends.push(self.bodies.len());
    }

    pub(crate) fn count(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Message<'_>> + Clone {
        (0..self.count()).map(|place| self.get(place))
    }

    pub(crate) fn get(&self, place: usize) -> Message<'_> {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        message(place, &self.bodies[start..self.ends[place]])
    }
}

fn message(place: usize, body: &[u8]) -> Message<'_> {
    Message {
        topic: TOPIC,
        queue: place as u32 % QUEUES,
        tag: TAGS[place / QUEUES as usize % TAGS.len()],
        body,
        // A moment in 2023.
        born_ms: 1_700_000_000_001,
    }
}

/// Removes a store if there is one.
pub(crate) fn remove(home: &Path) -> Result<()> {
    if home.exists() {
        fs::remove_dir_all(home).with_context(|| format!("removing {}", home.display()))?;
    }
    Ok(())
}
