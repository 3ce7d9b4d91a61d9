//! Lesson 2: when does the data arrive?

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{self, Cached, Pieces, Recipe};
use lessons::mapping::{Filling, Mapping, Reserved, Sharing, sum, touch_each_page};
use lessons::memory::touched_buffer;
use lessons::{Scenario, Work, page_bytes};

mod granularity;
mod passes;

use passes::{COLD, EVERY_BYTE, LARGE_FOLIOS, POPULATE, Pass, RANDOM, SEQUENTIAL, WARM};

const SIZE_BYTES: u64 = 16 << 20;

/// Files written in such pieces lie in the page cache as single pages.
const SMALL: usize = 4096;

/// Bytes that one read(2) asks for.
const BUFFER_BYTES: usize = 64 << 10;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 14] = [
    ("map-untouched", Play::Own(map_untouched)),
    ("map-hole", Play::Own(map_hole)),
    ("one-load-cold", Play::OneLoad(Cached::Nothing)),
    ("one-load-warm", Play::OneLoad(Cached::Whole)),
    ("cold-touch", Play::Pass(COLD)),
    ("warm-touch", Play::Pass(WARM)),
    ("touch-every-byte", Play::Pass(EVERY_BYTE)),
    ("large-folios", Play::Pass(LARGE_FOLIOS)),
    ("madvise-random", Play::Pass(RANDOM)),
    ("madvise-sequential", Play::Pass(SEQUENTIAL)),
    ("populate", Play::Pass(POPULATE)),
    ("cold-read", Play::Own(cold_read)),
    ("one-byte-mapping", Play::Own(granularity::one_byte_mapping)),
    ("page-offsets", Play::Own(granularity::page_offsets)),
];

/// How a scenario goes: each prepares, runs its body once, and observes what is no event in the kernel.
enum Play {
    /// Unlike any other.
    Own(fn(&mut Scenario, &Data) -> Result<()>),
    /// One load in the middle of the file.
    OneLoad(Cached),
    /// All pages of the file through a fresh mapping.
    Pass(Pass),
}

impl Play {
    fn run(&self, scenario: &mut Scenario, data: &Data) -> Result<()> {
        match self {
            Play::Own(run) => run(scenario, data),
            Play::OneLoad(cached) => one_load(scenario, data, *cached),
            Play::Pass(pass) => pass.run(scenario, data),
        }
    }
}

/// The file that a scenario may make, and how long it should be.
struct Data {
    path: PathBuf,
    bytes: usize,
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        for (name, play) in SCENARIOS {
            let data = Data {
                path: lesson.directory().join(name),
                bytes: lesson.size_bytes(),
            };
            lesson.play(name, |scenario| {
                play.run(scenario, &data)?;
                data.remove()
            })?;
        }
        Ok(())
    })
}

/// A cold file is mapped, and nobody looks at it.
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

/// A file that is only a length: it has no block on the disk whose address mmap could look up.
fn map_hole(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&data.path)
        .with_context(|| format!("creating {}", data.path.display()))?;
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

/// The mapping stands already; the body is one load in the middle of it.
fn one_load(scenario: &mut Scenario, data: &Data, cached: Cached) -> Result<()> {
    let file = data.file(scenario, SMALL, cached)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::OnDemand)?;
    let middle = data.bytes / 2;
    scenario.observe("file_pages", data.pages().cast_signed());
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
        let same = value == u64::from(expected[0]);
        scenario.observe("value_is_the_files", i64::from(same));
    }
    Ok(())
}

/// read(2) of a file that is not in memory, into memory that is.
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
    /// A file written in such pieces; the observation says whether it is as cold or warm as asked.
    fn file(&self, scenario: &Scenario, piece_bytes: usize, cached: Cached) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::of(piece_bytes),
            cached,
        };
        recipe.prepare(scenario)
    }

    /// One file at a time: the next scenario needs its room.
    fn remove(&self) -> Result<()> {
        fs::remove_file(&self.path).with_context(|| format!("removing {}", self.path.display()))
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

/// Equal files have equal sums, and that is all we ask of them: half as many digits will do.
fn observe_sum(scenario: &Scenario, total: u64) {
    let folded = (total ^ (total >> 32)) as u32;
    scenario.observe("sum", i64::from(folded));
}
