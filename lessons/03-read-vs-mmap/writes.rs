//! From us to the file, and on to the device before the scenario ends.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use lessons::data::{self, Cached};
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing, store_each_page};
use lessons::memory::touched_buffer;
use lessons::{Round, Scenario, page_bytes};

use crate::Data;

/// What a store leaves at the beginning of each page.
const MARK: u8 = 0x5A;

/// write(2) over all of the file out of the same buffer, then fsync(2).
fn write_over(mut file: &File, buffer: &[u8], bytes: usize, round: &mut Round) -> Result<()> {
    let mut left = bytes;
    while left > 0 {
        let length = file
            .write(&buffer[..buffer.len().min(left)])
            .context("write")?;
        ensure!(length > 0, "the file takes no more bytes");
        left -= length;
        round.work.operations += 1;
    }
    round.work.bytes = bytes as u64;
    file.sync_all().context("fsync")
}

/// The file exists and is in the page cache: every page is overwritten as a whole.
pub(crate) fn with_buffer(scenario: &mut Scenario, data: &Data, buffer_bytes: usize) -> Result<()> {
    let file = data.file(scenario, "target", Cached::Whole)?;
    let buffer = touched_buffer(buffer_bytes)?;
    let written = scenario.run(|round| {
        round.work.pages = data.pages();
        write_over(&file, &buffer, data.bytes, round)
    });
    written.transpose()?;
    Ok(())
}

/// One store into each page of a shared mapping, then msync(2).
pub(crate) fn through_a_mapping(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "target", Cached::Whole)?;
    let place = Reserved::new(data.bytes)?;
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
    observe_marks(scenario, data, &file)
}

/// Throws the cached pages away first, so that only what is on the device can answer.
fn observe_marks(scenario: &Scenario, data: &Data, file: &File) -> Result<()> {
    data::evict(file)?;
    data.observe_resident(scenario, "resident_pages_after", file)?;
    let mut marked = 0;
    let mut byte = [0];
    for page in 0..data.pages() {
        file.read_exact_at(&mut byte, page * page_bytes() as u64)
            .context("pread")?;
        marked += i64::from(byte[0] == MARK);
    }
    scenario.observe("pages_with_the_store", marked);
    Ok(())
}
