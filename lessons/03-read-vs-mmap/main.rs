//! Lesson 3: who copies my bytes?
//!
//! It moves the same file in every way there is: `reads.rs` with read(2), `loads.rs` through a mapping,
//! and `writes.rs` in the other direction.

use std::fs::File;
use std::process::ExitCode;

use anyhow::Result;
use lessons::data::{Files, Pieces, resident_pages};
use lessons::memory::Footprint;
use lessons::{Play, Scenario};

mod loads;
mod reads;
mod writes;

const SIZE_BYTES: u64 = 64 << 20;

/// Files written in pieces of 4 KiB lie in small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

/// In the order in which the text discusses them.
const SCENARIOS: [(&str, Play<Files>); 18] = [
    ("read-4k", |scenario, files| {
        reads::warm(scenario, files, 4 << 10)
    }),
    ("read-64k", |scenario, files| {
        reads::warm(scenario, files, 64 << 10)
    }),
    ("read-1m", |scenario, files| {
        reads::warm(scenario, files, 1 << 20)
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
    ("write-4k", |scenario, files| {
        writes::with_buffer(scenario, files, 4 << 10)
    }),
    ("write-64k", |scenario, files| {
        writes::with_buffer(scenario, files, 64 << 10)
    }),
    ("write-1m", |scenario, files| {
        writes::with_buffer(scenario, files, 1 << 20)
    }),
    ("mmap-store", writes::through_a_mapping),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let files = Files::of(lesson, Pieces::of(FILE_PIECES));
        lesson.play_each(&SCENARIOS, &files)
    })
}

fn observe_resident(scenario: &Scenario, name: &str, files: &Files, file: &File) -> Result<()> {
    let pages = resident_pages(file, files.bytes())?;
    scenario.observe(name, pages.cast_signed());
    Ok(())
}

/// Records by how much the memory of this process has grown.
fn observe_growth(scenario: &Scenario, before: Footprint) -> Result<()> {
    let growth = Footprint::now()?.growth_since(before);
    scenario.observe("anonymous_growth_bytes", growth.anonymous_bytes);
    scenario.observe("resident_growth_bytes", growth.resident_bytes);
    Ok(())
}
