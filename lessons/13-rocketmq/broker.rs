//! A broker to play with: it appends messages to a store and says which it has acknowledged, until it is
//! done or dead. The tests kill it; you may do so too, and look at its files with `xxd`.
//!
//! Its files are small: a log file has 16 KiB, a queue file 30 entries.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};

#[allow(dead_code, unused_imports, reason = "the lesson uses the rest of it")]
mod store;

use store::{Append, Life, Message, Settings, Store, Tail};

/// Topics, and queues of each; messages go to them in turn.
const TOPICS: [&str; 2] = ["orders", "payments"];
const QUEUES: u64 = 3;
/// Every so many messages the queues get their entries.
const DISPATCH_EACH: u64 = 8;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum AppendBy {
    Mapping,
    Buffer,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FlushBy {
    Async,
    Sync,
}

/// Appends messages to a message store, and prints the number of each when it is acknowledged.
#[derive(Debug, Parser)]
struct Options {
    /// The directory of the store; it is made if it is not there
    home: PathBuf,
    /// How many messages to append
    #[arg(long, default_value_t = 0)]
    messages: u64,
    /// The number of the first of them
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Bytes of each body; they differ if it is left out
    #[arg(long)]
    body: Option<usize>,
    /// How records come into the page cache
    #[arg(long, value_enum, default_value_t = AppendBy::Mapping)]
    append: AppendBy,
    /// When messages are acknowledged: at once, or when they are on the device
    #[arg(long, value_enum, default_value_t = FlushBy::Async)]
    flush: FlushBy,
    /// With --flush sync: how many messages wait for the device together
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    group: u64,
    /// Kill yourself with SIGKILL after so many steps
    #[arg(long)]
    life: Option<u64>,
    /// Leave what stands behind the end of the log, as RocketMQ does
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
    let (mut store, report) = Store::open(&settings(options), life(options))?;
    say(&format!(
        "exit {:?}, {} records, end {}",
        report.exit, report.records, report.end
    ))?;
    let mut waiting = Vec::new();
    for place in 1..=options.messages {
        let number = options.first + place - 1;
        append(&mut store, number, options.body)?;
        waiting.push(number);
        let is_last = place == options.messages;
        match options.flush {
            FlushBy::Sync if !is_last && !place.is_multiple_of(options.group) => {}
            FlushBy::Sync => {
                store.flush()?;
                acknowledge(&mut waiting)?;
            }
            FlushBy::Async => acknowledge(&mut waiting)?,
        }
        if place.is_multiple_of(DISPATCH_EACH) {
            store.dispatch()?;
        }
    }
    let spent = store.life.spent;
    store.close()?;
    say(&format!("spent {spent}"))
}

fn settings(options: &Options) -> Settings {
    Settings {
        home: options.home.clone(),
        log_file_bytes: 16 << 10,
        queue_file_entries: 30,
        append: match options.append {
            AppendBy::Mapping => Append::Mapping,
            AppendBy::Buffer => Append::Buffer,
        },
        tail: if options.keep_tail {
            Tail::Kept
        } else {
            Tail::Cleared
        },
    }
}

fn life(options: &Options) -> Life {
    options.life.map_or_else(Life::default, Life::of)
}

fn append(store: &mut Store, number: u64, body: Option<usize>) -> Result<()> {
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

fn acknowledge(waiting: &mut Vec<u64>) -> Result<()> {
    let mut numbers = waiting.drain(..);
    numbers.try_for_each(|number| say(&format!("acknowledged {number}")))
}

/// Each line is in the pipe before anything else happens.
fn say(line: &str) -> Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{line}")
        .and_then(|()| output.flush())
        .context("writing to standard output")
}
