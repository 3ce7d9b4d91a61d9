//! Lesson 1: what do I get from one `mmap()` call?

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::touched_buffer;
use lessons::{Scenario, Work, page_bytes};

mod layout;
mod page_tables;
mod refusals;

const SIZE_BYTES: u64 = 4 << 20;

/// Bytes that one read(2) asks for, and pieces in which files are written: small folios everywhere.
const PIECE_BYTES: usize = 4096;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 11] = [
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

/// Prepares a scenario, runs its body once, and observes what is no event in the kernel.
type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// The file that a scenario may make, and how long it should be.
struct Data {
    path: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    if let Some(code) = layout::report_if_asked() {
        return code;
    }
    lessons::run(SIZE_BYTES, |lesson| {
        for (name, play) in SCENARIOS {
            let data = Data {
                path: lesson.directory().join(name),
                bytes: lesson.size_bytes(),
            };
            lesson.play(name, |scenario| {
                play(scenario, &data)?;
                data.remove()
            })?;
        }
        Ok(())
    })
}

/// The usual way: ask again and again until the file ends.
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
    if let Some(total) = body.transpose()? {
        observe_sum(scenario, total);
    }
    Ok(())
}

/// One call, and no byte of the file is looked at.
///
/// The addresses are reserved beforehand: where a mapping lies can change how many faults it takes.
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

/// The mapping stands already; the body is one load in the middle of it.
fn first_touch(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    let middle = data.bytes / 2;
    let body = scenario.run(|round| {
        round.work = Work {
            bytes: 1,
            pages: 1,
            operations: 1,
        };
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

/// One call, then every byte of the file, as if it were an array.
fn map_and_load(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        let total = sum(&mapping);
        round.work = data.whole();
        Ok((mapping, total))
    });
    if let Some((_mapping, total)) = body.transpose()? {
        observe_sum(scenario, total);
    }
    Ok(())
}

/// One store through a writable mapping; afterwards read(2) is asked what the file holds.
fn map_and_store(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    let middle = data.bytes / 2;
    let mut held = [0];
    file.read_exact_at(&mut held, middle as u64)
        .context("pread")?;
    let wanted = !held[0];
    let body = scenario.run(|round| {
        round.work = Work {
            bytes: 1,
            pages: 1,
            operations: 1,
        };
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

/// The mapping outlives the descriptor and the name it was made from.
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
        observe_sum(scenario, total);
        scenario.observe("name_exists", i64::from(data.path.exists()));
        scenario.observe(
            "marked_deleted",
            i64::from(area_at(address(&mapping))?.is_deleted()),
        );
    }
    Ok(())
}

impl Data {
    /// A file in small folios, all of it in the page cache; the observation says whether that came true.
    fn warm_file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::of(PIECE_BYTES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }

    /// One file at a time. Some scenarios make none, and one removes its own.
    fn remove(&self) -> Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.path.display()))
            }
            _ => Ok(()),
        }
    }

    fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// Every byte of the file, in one operation.
    fn whole(&self) -> Work {
        Work {
            bytes: self.bytes as u64,
            pages: self.pages(),
            operations: 1,
        }
    }
}

/// The line of the mapping in `/proc/self/maps`, and how much of it the page tables point at.
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

/// Equal files have equal sums, and that is all we ask of them: half as many digits will do.
fn observe_sum(scenario: &Scenario, total: u64) {
    let folded = (total ^ (total >> 32)) as u32;
    scenario.observe("sum", i64::from(folded));
}

fn address(mapping: &Mapping) -> u64 {
    mapping.as_ptr().addr() as u64
}
