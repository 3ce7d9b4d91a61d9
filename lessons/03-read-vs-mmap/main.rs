//! Lesson 3: who copies my bytes?
//!
//! The same file, by every way there is: `reads.rs` with read(2), `loads.rs` through a mapping,
//! `writes.rs` in the other direction. Each function prepares a scenario, runs its body once, and
//! observes what is no event in the kernel.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::data::{self, Cached, Pieces, Recipe};
use lessons::memory::Footprint;
use lessons::{Scenario, page_bytes};

mod loads;
mod reads;
mod writes;

const SIZE_BYTES: u64 = 64 << 20;

/// Files are written in pieces of 4 KiB: small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 18] = [
    ("read-4k", |scenario, data| {
        reads::warm(scenario, data, 4 << 10)
    }),
    ("read-64k", |scenario, data| {
        reads::warm(scenario, data, 64 << 10)
    }),
    ("read-1m", |scenario, data| {
        reads::warm(scenario, data, 1 << 20)
    }),
    ("mmap-load", loads::warm),
    ("fread", reads::through_a_library_buffer),
    ("mmap-memcpy", loads::and_copy),
    ("o-direct", reads::past_the_cache),
    ("read-cold", reads::cold),
    ("mmap-load-cold", loads::cold),
    ("read-after-mmap", reads::after_a_mapping_filled_the_cache),
    ("ten-reads", reads::ten_times),
    ("ten-loads", loads::ten_times),
    ("read-keep-all", reads::and_keep_all),
    ("mmap-keep-all", loads::and_keep_all),
    ("write-4k", |scenario, data| {
        writes::with_buffer(scenario, data, 4 << 10)
    }),
    ("write-64k", |scenario, data| {
        writes::with_buffer(scenario, data, 64 << 10)
    }),
    ("write-1m", |scenario, data| {
        writes::with_buffer(scenario, data, 1 << 20)
    }),
    ("mmap-store", writes::through_a_mapping),
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

/// The lesson's files: all of the same size and content.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// A file in this state; the observation says whether that came true.
    fn file(&self, scenario: &Scenario, name: &str, cached: Cached) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join(name),
            bytes: self.bytes,
            pieces: Pieces::of(FILE_PIECES),
            cached,
        };
        recipe.prepare(scenario)
    }

    fn observe_resident(&self, scenario: &Scenario, name: &str, file: &File) -> Result<()> {
        let pages = data::resident_pages(file, self.bytes)?;
        scenario.observe(name, pages.cast_signed());
        Ok(())
    }
}

/// Two ways that saw the same bytes have the same sum, and so have what is left of it when both halves
/// are folded into a number that people can compare.
fn observe_sum(scenario: &Scenario, sum: Option<u64>) {
    if let Some(sum) = sum {
        scenario.observe("sum", i64::from((sum ^ (sum >> 32)) as u32));
    }
}

/// What this process holds more than before.
fn observe_growth(scenario: &Scenario, before: Footprint) -> Result<()> {
    let growth = Footprint::now()?.growth_since(before);
    scenario.observe("anonymous_growth_bytes", growth.anonymous_bytes);
    scenario.observe("resident_growth_bytes", growth.resident_bytes);
    Ok(())
}
