//! Lesson 4: at what size is mmap worth it?

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Reserved, Vacant, sum};
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};

/// The largest file; with a smaller `--size` the sweep ends sooner.
const SIZE_BYTES: u64 = 16 << 20;

/// Files of the sweep, with their names in the scenarios.
const SIZES: [(&str, usize); 8] = [
    ("512", 512),
    ("4k", 4 << 10),
    ("16k", 16 << 10),
    ("64k", 64 << 10),
    ("256k", 256 << 10),
    ("1m", 1 << 20),
    ("4m", 4 << 20),
    ("16m", 16 << 20),
];

/// Rounds of each scenario, in turn with all others.
const ROUNDS: usize = 11;

/// A round uses a file many times, because one use is too short to be timed; these are the limits.
const ROUND_BYTES: usize = 32 << 20;
const MOST_USES: usize = 256;

/// Bytes that one read(2) asks for.
const BUFFER: usize = 64 << 10;

#[derive(Clone, Copy)]
enum Method {
    /// Through one buffer, piece by piece.
    Read,
    /// Through a mapping that is made for this use and removed after it.
    Map,
}

/// One file, used by one method.
struct Case {
    method: Method,
    recipe: Recipe,
    uses: usize,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let cases = cases(lesson.directory(), lesson.size_bytes());
        lesson.alternate(ROUNDS, &cases, play)
    })
}

/// Every file up to the largest size by both methods, with the name of its scenario.
fn cases(directory: &Path, largest: usize) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for (name, bytes) in SIZES.into_iter().filter(|(_, bytes)| *bytes <= largest) {
        // A file of one page always lies in a folio of one page.
        let kinds = [("", Pieces::SMALL), ("large-", Pieces::LARGE)];
        let kinds = &kinds[..if bytes > page_bytes() { 2 } else { 1 }];
        for (kind, pieces) in kinds {
            let recipe = Recipe {
                path: directory.join(format!("{kind}{name}")),
                bytes,
                pieces: *pieces,
                cached: Cached::Whole,
            };
            let uses = (ROUND_BYTES / bytes).clamp(1, MOST_USES);
            for (verb, method) in [("read", Method::Read), ("map", Method::Map)] {
                let case = Case {
                    method,
                    recipe: recipe.clone(),
                    uses,
                };
                cases.push((format!("{verb}-{kind}{name}"), case));
            }
        }
    }
    cases
}

/// Plays one round, in which the same warm file is used many times.
fn play(scenario: &mut Scenario, case: &Case) -> Result<()> {
    let Recipe { bytes, .. } = case.recipe;
    let file = case.recipe.prepare(scenario)?;
    // Allocating memory is not part of the comparison.
    let mut buffer = touched_buffer(BUFFER)?;
    let place = Reserved::new(bytes)?.vacate();
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        for _ in 0..case.uses {
            let once = match case.method {
                Method::Read => read(&file, bytes, &mut buffer),
                Method::Map => map(&file, bytes, &place),
            };
            total = total.wrapping_add(once?);
        }
        round.work.operations = case.uses as u64;
        round.work.bytes = round.work.operations * bytes as u64;
        round.work.pages = bytes.div_ceil(page_bytes()) as u64;
        Ok(total)
    });
    if let Some(total) = total.transpose()? {
        scenario.observe("file_bytes", i64::try_from(bytes)?);
        scenario.observe_sum(total);
    }
    Ok(())
}

/// Sums up the file through the buffer.
fn read(file: &File, bytes: usize, buffer: &mut [u8]) -> Result<u64> {
    let mut total = 0_u64;
    let mut done = 0;
    while done < bytes {
        let length = buffer.len().min(bytes - done);
        let piece = &mut buffer[..length];
        file.read_exact_at(piece, done as u64).context("pread")?;
        total = total.wrapping_add(sum(piece));
        done += length;
    }
    Ok(total)
}

/// Sums up the file in place; the mapping is gone when this returns.
fn map(file: &File, bytes: usize, place: &Vacant) -> Result<u64> {
    let mapping = place.map(file)?;
    Ok(sum(&mapping[..bytes]))
}
