//! Changes the file, and has it written to the device before the scenario ends.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use lessons::data::{Cached, Files, evict};
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use lessons::memory::touched_buffer;
use lessons::{Round, Scenario, page_bytes};

use crate::observe_resident;

/// The byte that is stored at the beginning of each page.
const MARK: u8 = 0x5A;

/// Overwrites the whole file from one buffer with write(2), then calls fsync(2).
fn write_over(mut file: &File, buffer: &[u8], bytes: usize, round: &mut Round) -> Result<()> {
    let mut left = bytes;
    while left > 0 {
        let length = file
            .write(&buffer[..buffer.len().min(left)])
            .context("write")?;
        ensure!(length > 0, "write accepted no bytes, {left} are left");
        left -= length;
        round.work.operations += 1;
    }
    round.work.bytes = bytes as u64;
    file.sync_all().context("fsync")
}

/// Overwrites a warm file, each page as a whole.
pub(crate) fn with_buffer(
    scenario: &mut Scenario,
    files: &Files,
    buffer_bytes: usize,
) -> Result<()> {
    let file = files.prepare(scenario, "target", Cached::Whole)?;
    let buffer = touched_buffer(buffer_bytes)?;
    let written = scenario.run(|round| {
        round.work.pages = files.pages();
        write_over(&file, &buffer, files.bytes(), round)
    });
    written.transpose()?;
    Ok(())
}

/// Stores one byte into each page of a shared mapping, then calls msync(2).
pub(crate) fn through_a_mapping(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "target", Cached::Whole)?;
    let place = Reserved::new(files.bytes())?;
    let stored = scenario.run(|round| -> Result<MappingMut> {
        let mut mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        round.work.pages = store_each_page(&mut mapping, MARK);
        round.work.bytes = round.work.pages;
        round.work.operations = round.work.pages;
        mapping.flush()?;
        Ok(mapping)
    });
    // Mapped pages cannot be evicted.
    drop(stored.transpose()?);
    observe_marks(scenario, files, &file)
}

/// Evicts the file first, so that the device answers.
fn observe_marks(scenario: &Scenario, files: &Files, file: &File) -> Result<()> {
    evict(file)?;
    observe_resident(scenario, "resident_pages_after", files, file)?;
    let mut marked = 0;
    let mut byte = [0];
    for page in 0..files.pages() {
        file.read_exact_at(&mut byte, page * page_bytes() as u64)
            .context("pread")?;
        marked += i64::from(byte[0] == MARK);
    }
    scenario.observe("pages_with_the_store", marked);
    Ok(())
}
