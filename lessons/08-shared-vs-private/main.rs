//! Lesson 8: who sees my store?
//!
//! `stores.rs` stores through one view of a file and looks through the others; `frames.rs` asks which page
//! frames are behind the views. Each scenario has its own file, because most of them change it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::{Scenario, page_bytes};

mod frames;
mod stores;
mod views;

const SIZE_BYTES: u64 = 4 << 20;

/// The lesson writes its files in pieces of 4 KiB, which gives small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play); 8] = [
    ("shared-store", stores::shared),
    ("private-store", stores::private),
    ("other-process-stores", stores::by_another_process),
    ("write-after-load", stores::write_after_load),
    ("write-after-store", stores::write_after_store),
    ("one-page-everywhere", frames::everywhere),
    ("first-private-store", frames::first_private_store),
    ("second-private-store", frames::second_private_store),
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

/// The files, which all have the same size and content when a scenario begins.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// Prepares a file of this name that is in the page cache as a whole.
    fn file(&self, scenario: &Scenario, name: &str) -> Result<std::fs::File> {
        let recipe = Recipe {
            path: self.directory.join(name),
            bytes: self.bytes,
            pieces: Pieces::of(FILE_PIECES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }
}
