//! Lesson 7: can a mapping grow?

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};

mod append;
mod bus_error;
mod edges;
mod growing;
mod moving;
mod records;

const SIZE_BYTES: u64 = 4 << 20;

/// Files are written in pieces of 4 KiB: small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 10] = [
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

/// The file of a scenario.
struct Data {
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
            lesson.play(name, |scenario| {
                play(scenario, &data)?;
                fs::remove_file(&data.path)
                    .with_context(|| format!("removing {}", data.path.display()))
            })?;
        }
        Ok(())
    })
}

impl Data {
    /// A warm file of so many bytes.
    fn file(&self, scenario: &Scenario, bytes: usize) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes,
            pieces: Pieces::of(FILE_PIECES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }

    /// A file without a byte.
    fn empty_file(&self) -> Result<File> {
        File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&self.path)
            .with_context(|| format!("creating {}", self.path.display()))
    }
}

/// How long the file is now.
fn observe_length(scenario: &Scenario, name: &str, file: &File) -> Result<()> {
    let bytes = file.metadata().context("fstat")?.len();
    scenario.observe(name, i64::try_from(bytes)?);
    Ok(())
}
