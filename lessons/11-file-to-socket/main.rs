//! Lesson 11: how does a file leave through a socket?
//!
//! One file, one connection, one receiver, and every way to get the bytes across: in `copies.rs` the sender
//! handles the bytes itself, in `moves.rs` it asks the kernel to pass them on, and in `pinned.rs` it sends
//! without copying and waits to hear whether that worked. `late_store.rs` tests whether the kernel made a copy.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::Filling;

mod copies;
mod late_store;
mod moves;
mod pinned;
mod wire;

const SIZE_BYTES: u64 = 16 << 20;
/// Bytes that are sent at a time, unless the scenario says otherwise.
const PIECE: usize = 64 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play); 9] = [
    ("read-write-4k", |scenario, data| {
        copies::read_and_write(scenario, data, 4 << 10)
    }),
    ("read-write", |scenario, data| {
        copies::read_and_write(scenario, data, PIECE)
    }),
    ("mmap-write", |scenario, data| {
        copies::write_mapped(scenario, data, Filling::OnDemand)
    }),
    ("mmap-write-populated", |scenario, data| {
        copies::write_mapped(scenario, data, Filling::AtOnce)
    }),
    ("sendfile", moves::send_file),
    ("splice", moves::splice_through_a_pipe),
    ("zerocopy", pinned::send_pinned),
    ("write-then-store", late_store::after_write),
    ("sendfile-then-store", late_store::after_sendfile),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let data = Data {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
        };
        for (name, play) in SCENARIOS {
            lesson.play(name, |scenario| play(scenario, &data))?;
        }
        Ok(())
    })
}

/// How much is sent, and where the files are.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    /// Prepares the file in the page cache, in folios of one page, so that a fault maps the same everywhere.
    fn file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join("file"),
            bytes: self.bytes,
            pieces: Pieces::of(4 << 10),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }
}
