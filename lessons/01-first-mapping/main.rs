//! Lesson 1: what do I get from one `mmap()` call?

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::touched_buffer;
use lessons::{Play, Scenario, Work, page_bytes};

mod layout;
mod page_tables;
mod refusals;

const SIZE_BYTES: u64 = 4 << 20;

/// Bytes that one read(2) asks for. Files are also written in such pieces, so they lie in small folios on
/// every kernel.
const PIECE_BYTES: usize = 4096;

/// In the order in which the text discusses them.
const SCENARIOS: [(&str, Play<Data>); 11] = [
    ("read-loop", read_loop),
    ("map-only", map_only),
    ("first-touch", first_touch),
    ("map-and-load", map_and_load),
    ("map-and-store", map_and_store),
    ("map-close-unlink-load", map_close_unlink_load),
    ("map-read-only-write", refusals::map_read_only_write),
    ("offset-1", refusals::offset_1),
    ("sparse-touch", page_tables::sparse_touch),
    ("default-layout", layout::default_layout),
    ("legacy-layout", layout::legacy_layout),
];

/// The file that a scenario may make.
struct Data {
    path: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    if let Some(code) = layout::report_if_asked() {
        return code;
    }
    lessons::run(SIZE_BYTES, |lesson| {
        let bytes = lesson.size_bytes();
        for (name, play) in SCENARIOS {
            lesson.play_with_file(name, |scenario, path| {
                let path = path.to_owned();
                play(scenario, &Data { path, bytes })
            })?;
        }
        Ok(())
    })
}

/// Calls read(2) until the file ends.
fn read_loop(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut file = data.warm_file(scenario)?;
    let mut buffer = touched_buffer(PIECE_BYTES)?;
    let body = scenario.run(|round| -> Result<u64> {
        let (mut total, mut calls) = (0_u64, 0);
        loop {
            let bytes = file.read(&mut buffer).context("read")?;
            calls += 1;
            if bytes == 0 {
                break;
            }
            total = total.wrapping_add(sum(&buffer[..bytes]));
        }
        round.work = data.whole();
        round.work.operations = calls;
        Ok(total)
    });
    scenario.observe_sum(body.transpose()?);
    Ok(())
}

/// Maps the file with one call, and looks at no byte of it.
///
/// The addresses are reserved beforehand, because the number of faults can depend on where a mapping lies.
fn map_only(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| {
        round.work.operations = 1;
        place.map(&file, Sharing::Shared, Filling::OnDemand)
    });
    if let Some(mapping) = body.transpose()? {
        observe_area(scenario, &mapping)?;
    }
    Ok(())
}

/// Loads one byte in the middle of a mapping that exists already.
fn first_touch(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    let middle = data.bytes / 2;
    let body = scenario.run(|round| {
        round.work = Work::ONE_TOUCH;
        touch_each_page(&mapping[middle..=middle])
    });
    if let Some(value) = body {
        let mut expected = [0];
        file.read_exact_at(&mut expected, middle as u64)
            .context("pread")?;
        scenario.observe(
            "value_is_the_files",
            i64::from(value == u64::from(expected[0])),
        );
        observe_area(scenario, &mapping)?;
    }
    Ok(())
}

/// Maps the file with one call, then loads every byte, as from an array.
fn map_and_load(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let total = sum(&mapping);
        round.work = data.whole();
        Ok((mapping, total))
    });
    scenario.observe_sum(body.transpose()?.map(|(_mapping, total)| total));
    Ok(())
}

/// Stores one byte through a writable mapping; afterwards read(2) shows what the file holds.
fn map_and_store(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let middle = data.bytes / 2;
    let mut held = [0];
    file.read_exact_at(&mut held, middle as u64)
        .context("pread")?;
    let wanted = !held[0];
    let body = scenario.run(|round| {
        round.work = Work::ONE_TOUCH;
        let mut mapping = place.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
        mapping[middle] = std::hint::black_box(wanted);
        anyhow::Ok(mapping)
    });
    if let Some(_mapping) = body.transpose()? {
        file.read_exact_at(&mut held, middle as u64)
            .context("pread")?;
        scenario.observe("read_returns_the_store", i64::from(held[0] == wanted));
    }
    Ok(())
}

/// Loads through a mapping after the file's descriptor is closed and its name is removed.
fn map_close_unlink_load(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        drop(file);
        fs::remove_file(&data.path).context("unlink")?;
        let total = sum(&mapping);
        round.work = data.whole();
        Ok((mapping, total))
    });
    if let Some((mapping, total)) = body.transpose()? {
        scenario.observe_sum(total);
        scenario.observe("name_exists", i64::from(data.path.exists()));
        scenario.observe(
            "marked_deleted",
            i64::from(area_at(address(&mapping))?.is_deleted()),
        );
    }
    Ok(())
}

impl Data {
    /// Makes a file in small folios, all of it in the page cache.
    fn warm_file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::of(PIECE_BYTES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }

    /// Every byte of the file, in one operation.
    fn whole(&self) -> Work {
        Work {
            bytes: self.bytes as u64,
            pages: (self.bytes / page_bytes()) as u64,
            operations: 1,
        }
    }
}

/// Records what `/proc/self/smaps` says about the mapping.
fn observe_area(scenario: &Scenario, mapping: &Mapping) -> Result<()> {
    let area = area_at(address(mapping))?;
    let covers = area.start == address(mapping) && area.bytes() == mapping.len() as u64;
    scenario.observe("maps_line_covers_it", i64::from(covers));
    scenario.observe("may_execute", i64::from(area.may_execute()));
    observe_kib(scenario, "resident_kib", area.resident_kib);
    Ok(())
}

fn observe_kib(scenario: &Scenario, name: &str, kib: u64) {
    scenario.observe(name, kib.cast_signed());
}

fn address(mapping: &Mapping) -> u64 {
    mapping.as_ptr().addr() as u64
}
