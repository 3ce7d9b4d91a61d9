//! Lesson 7: can a mapping grow?

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{Cached, Pieces, Recipe};
use lessons::{Play, Scenario};

mod append;
mod bus_error;
mod edges;
mod growing;
mod moving;
mod records;

const SIZE_BYTES: u64 = 4 << 20;

/// In the order in which the text discusses them.
const SCENARIOS: [(&str, Play<Data>); 10] = [
    ("store-past-end", edges::store_past_the_end),
    ("load-past-end", edges::load_past_the_end),
    ("store-in-last-page", edges::store_in_the_last_page),
    ("truncate-under-mapping", edges::truncate_under_the_mapping),
    ("grow-only", edges::grow_only),
    ("append-write", append::by_write),
    ("append-remap", append::by_remap),
    ("append-segments", append::by_segments),
    ("append-map-ahead", append::by_mapping_ahead),
    ("remap-blocked", moving::remap_blocked),
];

struct Data {
    /// The scenario's own file.
    path: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        for (name, play) in SCENARIOS {
            let data = Data {
                path: lesson.directory().join(name),
                bytes: lesson.size_bytes(),
            };
            lesson.play_with_file(name, |scenario, _| play(scenario, &data))?;
        }
        Ok(())
    })
}

impl Data {
    /// Makes a warm file of this length.
    fn file(&self, scenario: &Scenario, bytes: usize) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes,
            pieces: Pieces::SMALL,
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }

    fn empty_file(&self) -> Result<File> {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .with_context(|| format!("create {}", self.path.display()))
    }
}

fn observe_length(scenario: &Scenario, name: &str, file: &File) -> Result<()> {
    let bytes = file.metadata().context("fstat")?.len();
    scenario.observe(name, i64::try_from(bytes)?);
    Ok(())
}
