//! What happens where a file ends and its mapping does not.

use std::fs::File;
use std::hint::black_box;
use std::os::unix::fs::{FileExt, MetadataExt};

use anyhow::{Context, Result};
use lessons::data::evict;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing, touch_each_page};
use lessons::{Scenario, Work, page_bytes};

use crate::bus_error::Caught;
use crate::{Data, observe_length};

const MARK: u8 = 0x5A;

/// Stores into the page behind the end of the file.
pub(crate) fn store_past_the_end(scenario: &mut Scenario, data: &Data) -> Result<()> {
    past_the_end(scenario, data, |place| *place = black_box(MARK))
}

pub(crate) fn load_past_the_end(scenario: &mut Scenario, data: &Data) -> Result<()> {
    past_the_end(scenario, data, |place| {
        black_box(touch_each_page(std::slice::from_ref(place)));
    })
}

fn past_the_end(scenario: &mut Scenario, data: &Data, touch: fn(&mut u8)) -> Result<()> {
    let file = data.file(scenario, data.bytes)?;
    observe_length(scenario, "file_bytes_before", &file)?;
    let mut mapping = mapped(&file, data.bytes + page_bytes())?;
    let caught = Caught::inside(&mapping)?;
    scenario.run(|round| {
        touch(&mut mapping[data.bytes]);
        round.work = Work::ONE_TOUCH;
    });
    caught.observe(scenario)?;
    observe_pages(scenario, "file_pages", data.bytes)?;
    observe_length(scenario, "file_bytes_after", &file)
}

/// Stores behind the end of a file that ends in the middle of a page, into the same page.
pub(crate) fn store_in_the_last_page(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let behind = data.bytes - page_bytes() / 2;
    let file = data.file(scenario, behind)?;
    observe_length(scenario, "file_bytes_before", &file)?;
    let mut mapping = mapped(&file, data.bytes)?;
    let caught = Caught::inside(&mapping)?;
    let stored = scenario.run(|round| {
        mapping[behind] = black_box(MARK);
        round.work = Work::ONE_TOUCH;
    });
    caught.observe(scenario)?;
    if stored.is_some() {
        scenario.observe("byte_in_the_mapping", i64::from(mapping[behind]));
    }
    scenario.observe("byte_stored", i64::from(MARK));
    observe_length(scenario, "file_bytes_after", &file)?;
    mapping.flush()?;
    // The device must answer, so the file is evicted, for which it must not be mapped.
    drop(mapping);
    evict(&file)?;
    file.set_len(data.bytes as u64).context("ftruncate")?;
    observe_byte(scenario, "byte_in_the_file", &file, behind)
}

/// Loads all pages, cuts the file to half of its length, and loads the first and the last page again.
pub(crate) fn truncate_under_the_mapping(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let bytes = data.bytes.max(2 * page_bytes());
    let last = bytes - page_bytes();
    let half = bytes / 2;
    let file = data.file(scenario, bytes)?;
    let mapping = mapped(&file, bytes)?;
    black_box(touch_each_page(&mapping));
    let caught = Caught::inside(&mapping)?;
    let cut = scenario.run(|round| -> Result<u64> {
        file.set_len(half as u64).context("ftruncate")?;
        round.work.pages = 2;
        round.work.operations = 3;
        Ok(touch_each_page(&mapping[..1]) + touch_each_page(&mapping[last..=last]))
    });
    cut.transpose()?;
    caught.observe(scenario)?;
    observe_pages(scenario, "file_pages", bytes)?;
    file.set_len(bytes as u64).context("ftruncate")?;
    // This byte is not in the last page, where the mapping shows what the handler put there.
    observe_byte(scenario, "byte_after_growing_back", &file, half)
}

/// Makes a file longer without writing to it.
pub(crate) fn grow_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.empty_file()?;
    let grown = scenario.run(|round| {
        round.work.bytes = data.bytes as u64;
        round.work.operations = 1;
        file.set_len(data.bytes as u64).context("ftruncate")
    });
    grown.transpose()?;
    let blocks = file.metadata().context("fstat")?.blocks();
    scenario.observe("disk_blocks_after", i64::try_from(blocks)?);
    observe_length(scenario, "file_bytes_after", &file)
}

/// Maps a file that may be shorter than the mapping.
fn mapped(file: &File, bytes: usize) -> Result<MappingMut> {
    Reserved::new(bytes)?.map_mut(file, Sharing::Shared, Filling::OnDemand)
}

fn observe_pages(scenario: &Scenario, name: &str, bytes: usize) -> Result<()> {
    scenario.observe(name, i64::try_from(bytes / page_bytes())?);
    Ok(())
}

fn observe_byte(scenario: &Scenario, name: &str, file: &File, offset: usize) -> Result<()> {
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset as u64)
        .context("pread")?;
    scenario.observe(name, i64::from(byte[0]));
    Ok(())
}
