//! Lesson 11: how does a file leave through a socket?
//!
//! One file, one connection, one receiver, and every way to get the bytes across: `copies.rs` lets the
//! sender have them in its hands, `moves.rs` asks the kernel to pass them on, `pinned.rs` sends without
//! copying and waits to hear whether that came true. `late_store.rs` asks whether a copy was made.

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
/// What is sent at a time, unless the scenario says otherwise.
const PIECE: usize = 64 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
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

/// What is sent, and where it lies.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    /// The file: in the page cache, in folios of one page, so that what a fault maps is the same everywhere.
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
