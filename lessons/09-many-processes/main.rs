//! Lesson 9: what does a second reader cost?
//!
//! One, two or eight processes want a whole file at the same time: they map it, or they read it. Here is what
//! each of them does; `crowd.rs` brings them together and looks at their memory.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum};
use memmap2::{MmapMut, MmapOptions};

mod crowd;

use crowd::Fetched;

const SIZE_BYTES: u64 = 8 << 20;

/// The lesson writes its file in pieces of 4 KiB, which gives small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

/// Bytes that a reader asks for at a time.
const PIECE: usize = 64 << 10;

/// Processes of the largest crowd; the session page has room for fifteen.
const CROWD: usize = 8;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play); 7] = [
    ("one-mapper", |scenario, data| mappers(scenario, data, 1)),
    ("two-mappers", |scenario, data| mappers(scenario, data, 2)),
    ("crowd-of-mappers", |scenario, data| {
        mappers(scenario, data, CROWD)
    }),
    ("one-reader", |scenario, data| readers(scenario, data, 1)),
    ("two-readers", |scenario, data| readers(scenario, data, 2)),
    ("crowd-of-readers", |scenario, data| {
        readers(scenario, data, CROWD)
    }),
    ("crowd-with-small-buffers", small_buffers),
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

struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    fn file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join("warm"),
            bytes: self.bytes,
            pieces: Pieces::of(FILE_PIECES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }
}

/// Each process maps the file and loads every byte.
fn mappers(scenario: &mut Scenario, data: &Data, processes: usize) -> Result<()> {
    let file = data.file(scenario)?;
    crowd::meet(scenario, data, processes, || -> Result<Fetched<Mapping>> {
        let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
        Ok(Fetched {
            sum: sum(&mapping),
            held: mapping,
        })
    })
}

/// Each process reads the file into memory of its own, and keeps it.
fn readers(scenario: &mut Scenario, data: &Data, processes: usize) -> Result<()> {
    let file = data.file(scenario)?;
    crowd::meet(scenario, data, processes, || -> Result<Fetched<MmapMut>> {
        let mut everything = fresh_memory(data.bytes)?;
        for (number, piece) in everything.chunks_mut(PIECE).enumerate() {
            file.read_exact_at(piece, (number * PIECE) as u64)
                .context("pread")?;
        }
        Ok(Fetched {
            sum: sum(&everything),
            held: everything,
        })
    })
}

/// Each process reads the file piece by piece into one small buffer, and keeps only the buffer.
fn small_buffers(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario)?;
    crowd::meet(scenario, data, CROWD, || -> Result<Fetched<MmapMut>> {
        let mut buffer = fresh_memory(PIECE)?;
        let mut total = 0_u64;
        for start in (0..data.bytes).step_by(PIECE) {
            let piece = &mut buffer[..PIECE.min(data.bytes - start)];
            file.read_exact_at(piece, start as u64).context("pread")?;
            total = total.wrapping_add(sum(piece));
        }
        Ok(Fetched {
            held: buffer,
            sum: total,
        })
    })
}

/// Memory without pages: how much of it a process needs is the question here.
fn fresh_memory(bytes: usize) -> Result<MmapMut> {
    MmapOptions::new()
        .len(bytes)
        .map_anon()
        .with_context(|| format!("mmap(anonymous, {bytes} bytes)"))
}
