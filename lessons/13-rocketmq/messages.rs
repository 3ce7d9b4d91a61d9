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
pub(crate) struct Messages(Vec<Vec<u8>>);

impl Messages {
    /// As many messages as have records of `bytes` in all, but at least one.
    pub(crate) fn filling(bytes: usize) -> Self {
        let mut bodies = Vec::new();
        let mut left = bytes;
        for number in 0.. {
            let range = LONGEST_BODY - SHORTEST_BODY + 1;
            let body = body(number, SHORTEST_BODY + (mix(number) as usize) % range);
            let record = message(number as usize, &body).record_bytes();
            if record > left && number > 0 {
                break;
            }
            bodies.push(body);
            left = left.saturating_sub(record);
        }
        Messages(bodies)
    }

    /// `count` messages whose records have exactly `record_bytes`; the first has number `first`.
    pub(crate) fn alike(first: u64, count: u64, record_bytes: usize) -> Self {
        let length = record_bytes - message(0, &[]).record_bytes();
        let bodies = (first..first + count).map(|number| body(number, length));
        Messages(bodies.collect())
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Message<'_>> + Clone {
        (0..self.count()).map(|place| self.get(place))
    }

    pub(crate) fn get(&self, place: usize) -> Message<'_> {
        message(place, &self.0[place])
    }
}

fn body(number: u64, length: usize) -> Vec<u8> {
    let text = format!("message {number}, ");
    text.bytes().cycle().take(length).collect()
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
