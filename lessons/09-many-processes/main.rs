//! Lesson 9: what does a second reader cost?
//!
//! One, two or eight processes want a whole file at the same time: they map it, or they read it. Here is what
//! each of them does; `crowd.rs` brings them together and looks at their memory.

use std::os::unix::fs::FileExt;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{Cached, Files, Pieces};
use lessons::mapping::{Filling, Reserved, Sharing, sum};
use lessons::{Play, Scenario};
use memmap2::{MmapMut, MmapOptions};

mod crowd;

use crowd::Fetched;

const SIZE_BYTES: u64 = 8 << 20;

/// The one file of this lesson.
const FILE: &str = "warm";

/// Bytes that a reader asks for at a time.
const PIECE: usize = 64 << 10;

/// Processes of the largest crowd; the session page has room for fifteen.
const CROWD: usize = 8;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play<Files>); 7] = [
    ("one-mapper", |scenario, files| mappers(scenario, files, 1)),
    ("two-mappers", |scenario, files| mappers(scenario, files, 2)),
    ("crowd-of-mappers", |scenario, files| {
        mappers(scenario, files, CROWD)
    }),
    ("one-reader", |scenario, files| readers(scenario, files, 1)),
    ("two-readers", |scenario, files| readers(scenario, files, 2)),
    ("crowd-of-readers", |scenario, files| {
        readers(scenario, files, CROWD)
    }),
    ("crowd-with-small-buffers", small_buffers),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let files = Files::of(lesson, Pieces::SMALL);
        lesson.play_each(&SCENARIOS, &files)
    })
}

/// Each process maps the file and loads every byte.
fn mappers(scenario: &mut Scenario, files: &Files, processes: usize) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    crowd::meet(scenario, files, processes, || {
        let mapping =
            Reserved::new(files.bytes())?.map(&file, Sharing::Shared, Filling::OnDemand)?;
        Ok(Fetched {
            sum: sum(&mapping),
            held: mapping,
        })
    })
}

/// Each process reads the file into memory of its own, and keeps it.
fn readers(scenario: &mut Scenario, files: &Files, processes: usize) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    crowd::meet(scenario, files, processes, || {
        let mut everything = fresh_memory(files.bytes())?;
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
fn small_buffers(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    crowd::meet(scenario, files, CROWD, || {
        let mut buffer = fresh_memory(PIECE)?;
        let mut total = 0_u64;
        for start in (0..files.bytes()).step_by(PIECE) {
            let piece = &mut buffer[..PIECE.min(files.bytes() - start)];
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
