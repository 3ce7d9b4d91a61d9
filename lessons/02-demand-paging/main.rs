//! Lesson 2: when does the data arrive?

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{self, Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::touched_buffer;
use lessons::{Play, Scenario, Work, page_bytes};

mod granularity;
mod passes;

use passes::{COLD, EVERY_BYTE, LARGE_FOLIOS, POPULATE, RANDOM, SEQUENTIAL, WARM};

const SIZE_BYTES: u64 = 16 << 20;

/// Files written in pieces of 4 KiB lie in small folios on every kernel.
const SMALL: usize = 4096;

/// Bytes that one read(2) asks for.
const BUFFER_BYTES: usize = 64 << 10;

/// In the order in which the text discusses them.
const SCENARIOS: [(&str, Play<Data>); 14] = [
    ("map-untouched", map_untouched),
    ("map-hole", map_hole),
    ("one-load-cold", |scenario, data| {
        one_load(scenario, data, Cached::Nothing)
    }),
    ("one-load-warm", |scenario, data| {
        one_load(scenario, data, Cached::Whole)
    }),
    ("cold-touch", |scenario, data| COLD.run(scenario, data)),
    ("warm-touch", |scenario, data| WARM.run(scenario, data)),
    ("touch-every-byte", |scenario, data| {
        EVERY_BYTE.run(scenario, data)
    }),
    ("large-folios", |scenario, data| {
        LARGE_FOLIOS.run(scenario, data)
    }),
    ("madvise-random", |scenario, data| {
        RANDOM.run(scenario, data)
    }),
    ("madvise-sequential", |scenario, data| {
        SEQUENTIAL.run(scenario, data)
    }),
    ("populate", |scenario, data| POPULATE.run(scenario, data)),
    ("cold-read", cold_read),
    ("one-byte-mapping", granularity::one_byte_mapping),
    ("page-offsets", granularity::page_offsets),
];

/// The file that a scenario may make.
struct Data {
    path: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
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

/// Maps a cold file, and looks at no byte of it.
fn map_untouched(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, SMALL, Cached::Nothing)?;
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| {
        round.work.operations = 1;
        place.map(&file, Sharing::Shared, Filling::OnDemand)
    });
    if let Some(_mapping) = body.transpose()? {
        let resident = data::resident_pages(&file, data.bytes)?;
        scenario.observe("resident_pages_after", resident.cast_signed());
    }
    Ok(())
}

/// Maps and loads a file that is one hole: it has no block on the disk whose address mmap could look up.
fn map_hole(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&data.path)
        .with_context(|| format!("create {}", data.path.display()))?;
    file.set_len(data.bytes as u64).context("ftruncate")?;
    let disk_blocks = || -> Result<i64> {
        let blocks = file.metadata().context("fstat")?.blocks();
        Ok(i64::try_from(blocks)?)
    };
    scenario.observe("disk_blocks_before", disk_blocks()?);
    let place = Reserved::new(data.bytes)?;
    let body = scenario.run(|round| -> Result<(Mapping, u64)> {
        let mapping = place.map(&file, Sharing::Shared, Filling::OnDemand)?;
        round.work = data.whole();
        let total = sum(&mapping);
        Ok((mapping, total))
    });
    if let Some((_mapping, total)) = body.transpose()? {
        scenario.observe("disk_blocks_after", disk_blocks()?);
        scenario.observe("all_zeros", i64::from(total == 0));
    }
    Ok(())
}

/// Loads one byte in the middle of a mapping that exists already.
fn one_load(scenario: &mut Scenario, data: &Data, cached: Cached) -> Result<()> {
    let file = data.file(scenario, SMALL, cached)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    let middle = data.bytes / 2;
    scenario.observe("file_pages", data.pages().cast_signed());
    let body = scenario.run(|round| {
        round.work = Work::ONE_TOUCH;
        touch_each_page(&mapping[middle..=middle])
    });
    if let Some(value) = body {
        let mut expected = [0];
        file.read_exact_at(&mut expected, middle as u64)
            .context("pread")?;
        let same = value == u64::from(expected[0]);
        scenario.observe("value_is_the_files", i64::from(same));
    }
    Ok(())
}

/// Reads a cold file into a buffer that is present.
fn cold_read(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let mut file = data.file(scenario, SMALL, Cached::Nothing)?;
    let mut buffer = touched_buffer(BUFFER_BYTES)?;
    let body = scenario.run(|round| -> Result<()> {
        round.work = data.whole();
        round.work.operations = 0;
        loop {
            round.work.operations += 1;
            if file.read(&mut buffer).context("read")? == 0 {
                return Ok(());
            }
        }
    });
    body.transpose()?;
    Ok(())
}

impl Data {
    /// Makes a file written in such pieces, cold or warm.
    fn file(&self, scenario: &Scenario, piece_bytes: usize, cached: Cached) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::of(piece_bytes),
            cached,
        };
        recipe.prepare(scenario)
    }

    fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// Every page of the file, in one operation.
    fn whole(&self) -> Work {
        Work {
            bytes: self.bytes as u64,
            pages: self.pages(),
            operations: 1,
        }
    }
}
