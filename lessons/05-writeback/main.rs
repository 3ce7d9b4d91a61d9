//! Lesson 5: when does my store reach the disk?

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::address_space::dirty_pages;
use lessons::bystander::Bystander;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use lessons::{Patience, Play, Round, Scenario, page_bytes};

mod again;
mod countdown;
mod flusher;
mod killed;
mod never;
mod now;

const SIZE_BYTES: u64 = 4 << 20;

/// The byte that is stored at the beginning of each page.
const MARK: u8 = 0x5A;

/// In the order in which the text discusses them.
const SCENARIOS: [(&str, Play<Data>); 11] = [
    ("store-only", never::store_only),
    ("write-only", never::write_only),
    ("ms-async", never::ask_without_waiting),
    ("store-then-unlink", never::unlink),
    ("msync", now::msync),
    ("fsync", now::fsync),
    ("ten-passes", now::ten_passes),
    ("store-again", again::while_dirty),
    ("store-after-msync", again::after_msync),
    ("kill-after-store", killed::after_store),
    ("flusher", flusher::wait_for_it),
];

struct Data {
    directory: PathBuf,
    /// The scenario's own file.
    path: PathBuf,
    bytes: usize,
    patience: Patience,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        for (name, play) in SCENARIOS {
            let data = Data {
                directory: lesson.directory().to_owned(),
                path: lesson.directory().join(name),
                bytes: lesson.size_bytes(),
                patience: lesson.patience(),
            };
            lesson.play_with_file(name, |scenario, _| play(scenario, &data))?;
        }
        Ok(())
    })
}

impl Data {
    /// Makes a clean file, all of it in the page cache, in which a store dirties one page on every kernel.
    fn file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::SMALL,
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }

    /// Makes such a file and maps it for stores; no page of it is in the page table yet.
    fn mapped_file(&self, scenario: &Scenario) -> Result<(File, MappingMut)> {
        let file = self.file(scenario)?;
        let place = Reserved::new(self.bytes)?;
        let mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        Ok((file, mapping))
    }

    fn bystander(&self) -> Result<Bystander> {
        Bystander::dirty(&self.directory)
    }

    /// Counts the pages that contain the store, as read(2) sees the file.
    fn marked_pages(&self, file: &File) -> Result<i64> {
        let mut marked = 0;
        let mut byte = [0];
        for offset in (0..self.bytes).step_by(page_bytes()) {
            file.read_exact_at(&mut byte, offset as u64)
                .context("pread")?;
            marked += i64::from(byte[0] == MARK);
        }
        Ok(marked)
    }
}

/// The body of most scenarios here: stores one byte into each page.
fn store(mapping: &mut MappingMut, round: &mut Round) {
    let pages = store_each_page(mapping, MARK);
    round.work.bytes += pages;
    round.work.pages = pages;
    round.work.operations += pages;
}

fn observe_dirty(scenario: &Scenario, mapping: &MappingMut) -> Result<()> {
    scenario.observe("dirty_pages_after", dirty_pages(mapping)?);
    Ok(())
}
