//! The messages of this lesson: a text that says its number, again and again.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use lessons::data::mix;

use crate::store::Message;

pub(crate) const TOPIC: &str = "orders";
/// Queues of the topic, which get messages in turn.
pub(crate) const QUEUES: u32 = 4;
const TAGS: [&str; 2] = ["paid", "open"];

/// Bytes of a body.
const SHORTEST: usize = 512;
const LONGEST: usize = 1536;

/// Messages that were made before anybody appends them.
pub(crate) struct Messages {
    bodies: Vec<u8>,
    /// Where each body ends.
    ends: Vec<usize>,
    born_ms: u64,
}

impl Messages {
    /// As many messages as make records of so many bytes, and one at least; the same in every run.
    pub(crate) fn filling(bytes: usize) -> Result<Self> {
        let mut messages = Messages::none()?;
        let mut left = bytes;
        for number in 0.. {
            let length = SHORTEST + (mix(number) as usize) % (LONGEST - SHORTEST + 1);
            messages.add(number, length);
            let record = messages.get(number as usize).record_bytes();
            if record > left && number > 0 {
                messages.ends.pop();
                break;
            }
            left = left.saturating_sub(record);
        }
        Ok(messages)
    }

    /// So many messages whose records have exactly so many bytes, the first with this number.
    pub(crate) fn alike(first: u64, count: u64, record_bytes: usize) -> Result<Self> {
        let mut messages = Messages::none()?;
        let empty = messages.message(0, &[]).record_bytes();
        for number in first..first + count {
            messages.add(number, record_bytes - empty);
        }
        Ok(messages)
    }

    fn none() -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.context("the clock stands before 1970")?;
        Ok(Messages {
            bodies: Vec::new(),
            ends: Vec::new(),
            born_ms: u64::try_from(now.as_millis())?,
        })
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
        self.message(place, &self.bodies[start..self.ends[place]])
    }

    fn message<'a>(&self, place: usize, body: &'a [u8]) -> Message<'a> {
        Message {
            topic: TOPIC,
            queue: place as u32 % QUEUES,
            tag: TAGS[place / QUEUES as usize % TAGS.len()],
            body,
            born_ms: self.born_ms,
        }
    }
}

/// Removes a store.
pub(crate) fn remove(home: &Path) -> Result<()> {
    match fs::remove_dir_all(home) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", home.display()))
        }
        _ => Ok(()),
    }
}
