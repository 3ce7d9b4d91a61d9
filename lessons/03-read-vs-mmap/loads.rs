//! From the file to us through a mapping.

use std::fs::File;

use anyhow::Result;
use lessons::data::Cached;
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum};
use lessons::memory::{Footprint, touched_buffer};
use lessons::{Round, Scenario};

use crate::{Data, observe_growth, observe_sum};

/// What `and_copy` copies at a time.
const PIECE: usize = 64 << 10;

/// The body of most scenarios here: one mmap(2), and then every byte of the file as if it were an array.
/// Whoever calls it takes the mapping down, after the scenario.
fn map_and_load(place: Reserved, file: &File, round: &mut Round) -> Result<(Mapping, u64)> {
    let mapping = place.map(file, Sharing::Shared, Filling::OnDemand)?;
    let total = sum(&mapping);
    round.work.bytes = mapping.len() as u64;
    round.work.operations = 1;
    Ok((mapping, total))
}

/// The file is in the page cache.
pub(crate) fn warm(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    load_once(scenario, data, &file)
}

/// The file is on the device only.
pub(crate) fn cold(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "cold", Cached::Nothing)?;
    load_once(scenario, data, &file)
}

fn load_once(scenario: &mut Scenario, data: &Data, file: &File) -> Result<()> {
    let place = Reserved::new(data.bytes)?;
    let loaded = scenario.run(|round| {
        round.work.pages = data.pages();
        map_and_load(place, file, round)
    });
    observe_sum(scenario, loaded.transpose()?.map(|(_mapping, total)| total));
    Ok(())
}

/// A copy is made all the same, but by us: out of the mapping into a buffer.
pub(crate) fn and_copy(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(data.bytes)?;
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
        round.work.bytes = data.bytes as u64;
        round.work.pages = data.pages();
        round.work.operations = 1;
        Ok((mapping, total))
    });
    observe_sum(scenario, copied.transpose()?.map(|(_mapping, total)| total));
    scenario.observe("user_copied_bytes", i64::try_from(user_copied_bytes)?);
    Ok(())
}

/// The same bytes again and again, through one mapping.
pub(crate) fn ten_times(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(data.bytes)?;
    let loaded = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let mut total = 0_u64;
        for _ in 0..10 {
            total = total.wrapping_add(sum(&mapping));
            round.work.bytes += mapping.len() as u64;
            round.work.operations += 1;
        }
        round.work.pages = data.pages();
        Ok((mapping, total))
    });
    observe_sum(scenario, loaded.transpose()?.map(|(_mapping, total)| total));
    Ok(())
}

/// The mapping stays: all of the file is at hand, and whose memory is it in?
pub(crate) fn and_keep_all(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, "warm", Cached::Whole)?;
    let place = Reserved::new(data.bytes)?;
    let before = Footprint::now()?;
    let kept = scenario.run(|round| {
        round.work.pages = data.pages();
        map_and_load(place, &file, round)
    });
    let kept = kept.transpose()?;
    data.observe_resident(scenario, "resident_pages_after", &file)?;
    observe_growth(scenario, before)?;
    observe_sum(scenario, kept.map(|(_mapping, total)| total));
    Ok(())
}
