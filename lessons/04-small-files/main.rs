//! Lesson 4: from which size is mmap worth it?

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Reserved, Vacant, sum};
use lessons::memory::touched_buffer;
use lessons::{Scenario, page_bytes};
use memmap2::MmapMut;

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

/// Of each scenario, in turn with all others.
const ROUNDS: usize = 11;

/// A round uses a file often enough that its time can be told.
const ROUND_BYTES: usize = 64 << 20;
const MOST_USES: usize = 256;

/// Files written in such pieces lie in the page cache as single pages.
const SMALL: usize = 4 << 10;
/// Files written in such pieces lie there as large folios, where the kernel has them.
const LARGE: usize = 1 << 20;

/// What one read(2) asks for.
const BUFFER: usize = 64 << 10;

/// How a file is used.
#[derive(Clone, Copy)]
enum Way {
    /// Through one buffer, piece by piece.
    Read,
    /// Through a mapping that is made for it and taken down again.
    Map,
}

/// One file and one way.
struct Case {
    way: Way,
    recipe: Recipe,
    uses: usize,
}

/// What both ways need, made once: taking memory is not what is compared.
struct Tools {
    buffer: MmapMut,
    place: Vacant,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let directory = lesson.directory().to_owned();
        let largest = lesson.size_bytes();
        let mut cases = Vec::new();
        for (name, bytes) in SIZES.into_iter().filter(|(_, bytes)| *bytes <= largest) {
            for (kind, pieces) in [("", SMALL), ("large-", LARGE)] {
                // A file of one page has no folios to choose from.
                if pieces == LARGE && bytes <= page_bytes() {
                    continue;
                }
                for (verb, way) in [("read", Way::Read), ("map", Way::Map)] {
                    let path = directory.join(format!("{kind}{name}"));
                    let case = Case::new(way, path, bytes, Pieces::of(pieces));
                    cases.push((format!("{verb}-{kind}{name}"), case));
                }
            }
        }
        lesson.alternate(ROUNDS, &cases, play)
    })
}

impl Case {
    fn new(way: Way, path: PathBuf, bytes: usize, pieces: Pieces) -> Self {
        Case {
            way,
            recipe: Recipe {
                path,
                bytes,
                pieces,
                cached: Cached::Whole,
            },
            uses: (ROUND_BYTES / bytes).clamp(1, MOST_USES),
        }
    }
}

/// One round: the same warm file, used as often as the case says.
fn play(scenario: &mut Scenario, case: &Case) -> Result<()> {
    let Recipe { bytes, .. } = case.recipe;
    let file = case.recipe.prepare(scenario)?;
    let mut tools = Tools {
        buffer: touched_buffer(BUFFER)?,
        place: Reserved::new(bytes)?.vacate(),
    };
    let total = scenario.run(|round| -> Result<u64> {
        let mut total = 0_u64;
        for _ in 0..case.uses {
            let once = match case.way {
                Way::Read => read(&file, bytes, &mut tools.buffer),
                Way::Map => map(&file, bytes, &tools.place),
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
        scenario.observe("sum", i64::from((total ^ (total >> 32)) as u32));
    }
    Ok(())
}

/// Every byte of the file, through the buffer.
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

/// Every byte of the file, in place; the mapping is gone when this returns.
fn map(file: &File, bytes: usize, place: &Vacant) -> Result<u64> {
    let mapping = place.map(file)?;
    Ok(sum(&mapping[..bytes]))
}
