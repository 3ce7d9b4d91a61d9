//! A broker to experiment with: it appends messages and prints which it has acknowledged, until it is done or
//! dead. The tests kill it; you can do the same, and look at its files with `xxd`.
//!
//! Its files are small: a log file has 16 KiB, a file of a queue 30 entries.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

#[allow(dead_code, unused_imports, reason = "the lesson uses the rest of it")]
mod store;

use store::{Append, Life, Message, MessageStore, StoreSettings, Tail};

/// Messages go to the topics in turn, and to the queues of each.
const TOPICS: [&str; 2] = ["orders", "payments"];
const QUEUES: u64 = 3;
/// After this many messages the index is brought up to date.
const DISPATCH_EVERY: u64 = 8;

/// Appends messages to a message store, and prints the number of each when it is acknowledged.
#[derive(Debug, Parser)]
struct Options {
    /// The directory of the store; it is created if it does not exist
    home: PathBuf,
    /// How many messages to append
    #[arg(long, default_value_t = 0)]
    messages: u64,
    /// The number of the first message
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Length of each body in bytes; without it they differ
    #[arg(long)]
    body: Option<usize>,
    /// How records reach the page cache
    #[arg(long, value_enum, default_value_t = Append::Mapping)]
    append: Append,
    /// Acknowledge messages in groups of this size, once they are on the device; without it, at once
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    group: Option<u64>,
    /// Kill yourself with SIGKILL after this many steps
    #[arg(long)]
    life: Option<u64>,
    /// Leave what is behind the end of the log, as RocketMQ does
    #[arg(long)]
    keep_tail: bool,
}

fn main() -> ExitCode {
    match work(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn work(options: &Options) -> Result<()> {
    let settings = StoreSettings {
        home: options.home.clone(),
        log_file_bytes: 16 << 10,
        queue_file_entries: 30,
        append: options.append,
        tail: if options.keep_tail {
            Tail::Kept
        } else {
            Tail::Cleared
        },
    };
    let life = options.life.map_or_else(Life::default, Life::of);
    let (mut store, recovered) = MessageStore::open(&settings, life)?;
    say(&format!("exit {:?}", recovered.exit))?;
    let mut waiting = Vec::new();
    for place in 1..=options.messages {
        let number = options.first + place - 1;
        append(&mut store, number, options.body)?;
        waiting.push(number);
        if let Some(group) = options.group {
            if place < options.messages && !place.is_multiple_of(group) {
                continue;
            }
            store.flush()?;
        }
        for number in waiting.drain(..) {
            say(&format!("acknowledged {number}"))?;
        }
        if place.is_multiple_of(DISPATCH_EVERY) {
            store.dispatch()?;
        }
    }
    let spent = store.life.spent;
    store.close()?;
    say(&format!("spent {spent}"))
}

fn append(store: &mut MessageStore, number: u64, body: Option<usize>) -> Result<()> {
    let text = format!("message {number}, ");
    let length = body.unwrap_or(40 + (number * 37 % 400) as usize);
    let body: Vec<u8> = text.bytes().cycle().take(length).collect();
    let message = Message {
        topic: TOPICS[(number % TOPICS.len() as u64) as usize],
        queue: (number % QUEUES) as u32,
        tag: "new",
        body: &body,
        born_ms: 1_700_000_000_000 + number,
    };
    store.append(&message).map(drop)
}

/// Prints a line; it is in the pipe before anything else happens.
fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .context("writing to standard output")
}
