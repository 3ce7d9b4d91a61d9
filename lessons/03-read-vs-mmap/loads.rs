//! Takes the file's bytes through a mapping.

use std::fs::File;

use anyhow::Result;
use lessons::data::{Cached, Files};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum};
use lessons::memory::{Footprint, touched_buffer};
use lessons::{Round, Scenario};

use crate::{observe_growth, observe_resident};

/// Bytes that `and_copy` copies at a time.
const PIECE: usize = 64 << 10;

/// The body of most scenarios here: one mmap(2), and then a load of every byte, as from an array.
/// The mapping is returned, so that it is unmapped after the scenario.
fn map_and_load(place: Reserved, file: &File, round: &mut Round) -> Result<(Mapping, u64)> {
    let mapping = place.map(file, Sharing::Shared, Filling::OnDemand)?;
    let total = sum(&mapping);
    round.work.bytes = mapping.len() as u64;
    round.work.operations = 1;
    Ok((mapping, total))
}

pub(crate) fn warm(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    load_once(scenario, files, &file)
}

pub(crate) fn cold(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "cold", Cached::Nothing)?;
    load_once(scenario, files, &file)
}

fn load_once(scenario: &mut Scenario, files: &Files, file: &File) -> Result<()> {
    let place = Reserved::new(files.bytes())?;
    let loaded = scenario.run(|round| {
        round.work.pages = files.pages();
        map_and_load(place, file, round)
    });
    scenario.observe_sum(loaded.transpose()?.map(|(_mapping, total)| total));
    Ok(())
}

/// Makes a copy all the same, but in user space: out of the mapping into a buffer.
pub(crate) fn and_copy(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(files.bytes())?;
    let mut buffer = touched_buffer(PIECE)?;
    let mut user_copied_bytes = 0;
    let copied = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let mut total = 0_u64;
        for piece in mapping.chunks(PIECE) {
            let copy = &mut buffer[..piece.len()];
            copy.copy_from_slice(piece);
            user_copied_bytes += piece.len();
            total = total.wrapping_add(sum(copy));
        }
        round.work.bytes = files.bytes() as u64;
        round.work.pages = files.pages();
        round.work.operations = 1;
        Ok((mapping, total))
    });
    scenario.observe_sum(copied.transpose()?.map(|(_mapping, total)| total));
    scenario.observe("user_copied_bytes", i64::try_from(user_copied_bytes)?);
    Ok(())
}

/// Makes ten passes over one mapping.
pub(crate) fn ten_times(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(files.bytes())?;
    let loaded = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let mut total = 0_u64;
        for _ in 0..10 {
            total = total.wrapping_add(sum(&mapping));
            round.work.bytes += mapping.len() as u64;
            round.work.operations += 1;
        }
        round.work.pages = files.pages();
        Ok((mapping, total))
    });
    scenario.observe_sum(loaded.transpose()?.map(|(_mapping, total)| total));
    Ok(())
}

/// Keeps the mapping, and observes in whose memory the file is.
pub(crate) fn and_keep_all(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(files.bytes())?;
    let before = Footprint::now()?;
    let kept = scenario.run(|round| {
        round.work.pages = files.pages();
        map_and_load(place, &file, round)
    });
    let kept = kept.transpose()?;
    observe_resident(scenario, "resident_pages_after", files, &file)?;
    observe_growth(scenario, before)?;
    scenario.observe_sum(kept.map(|(_mapping, total)| total));
    Ok(())
}
