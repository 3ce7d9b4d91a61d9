//! Lesson 3: who copies my bytes?
//!
//! The same file, by every way there is: `reads.rs` with read(2), `loads.rs` through a mapping,
//! `writes.rs` in the other direction. Each function prepares a scenario, runs its body once, and
//! observes what is no event in the kernel.

use std::cell::Cell;
use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{self, Pieces};
use lessons::memory::Footprint;
use lessons::{Scenario, page_bytes};

mod loads;
mod reads;
mod writes;

const SIZE_BYTES: u64 = 64 << 20;

/// How often a file is made, and a scenario played, until nobody takes pages of a warm file away.
/// The last time counts, whatever came of it.
const ATTEMPTS: usize = 4;

/// Files are written in pieces of 4 KiB: small folios on every kernel.
const FILE_PIECES: usize = 4 << 10;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 18] = [
    ("read-4k", |scenario, data| {
        reads::warm(scenario, data, 4 << 10)
    }),
    ("read-64k", |scenario, data| {
        reads::warm(scenario, data, 64 << 10)
    }),
    ("read-1m", |scenario, data| {
        reads::warm(scenario, data, 1 << 20)
    }),
    ("mmap-load", loads::warm),
    ("fread", reads::through_a_library_buffer),
    ("mmap-memcpy", loads::and_copy),
    ("o-direct", reads::past_the_cache),
    ("read-cold", reads::cold),
    ("mmap-load-cold", loads::cold),
    ("read-after-mmap", reads::after_a_mapping_filled_the_cache),
    ("ten-reads", reads::ten_times),
    ("ten-loads", loads::ten_times),
    ("read-keep-all", reads::and_keep_all),
    ("mmap-keep-all", loads::and_keep_all),
    ("write-4k", |scenario, data| {
        writes::with_buffer(scenario, data, 4 << 10)
    }),
    ("write-64k", |scenario, data| {
        writes::with_buffer(scenario, data, 64 << 10)
    }),
    ("write-1m", |scenario, data| {
        writes::with_buffer(scenario, data, 1 << 20)
    }),
    ("mmap-store", writes::through_a_mapping),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let data = Data {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
            expects_cache: Cell::new(false),
        };
        for (name, play) in SCENARIOS {
            for attempt in 1..=ATTEMPTS {
                let Some(mut scenario) = lesson.scenario(name) else {
                    break;
                };
                play(&mut scenario, &data).with_context(|| format!("scenario {name}"))?;
                let spoiled = data.expects_cache.get() && scenario.input_bytes() > 0;
                if !spoiled || attempt == ATTEMPTS {
                    break;
                }
                scenario.discard();
            }
        }
        Ok(())
    })
}

/// The lesson's files: all of the same size and content.
struct Data {
    directory: PathBuf,
    bytes: usize,
    /// Whether the scenario that is being played needs all of its file in the page cache.
    expects_cache: Cell<bool>,
}

/// Whether a file is in the page cache when a scenario begins.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cached {
    /// All of it, in the small folios that it was written in.
    Whole,
    /// Nothing of it.
    Nothing,
}

impl Data {
    fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// Opens or makes a file in this state, and says with an observation whether that came true.
    ///
    /// A kernel may reclaim a page between the making and the looking; then the file is made again.
    fn file(&self, scenario: &Scenario, name: &str, cached: Cached) -> Result<File> {
        self.expects_cache.set(cached == Cached::Whole);
        let wanted = match cached {
            Cached::Whole => self.pages(),
            Cached::Nothing => 0,
        };
        let (mut file, mut resident) = self.existing(name)?;
        for _ in 0..ATTEMPTS {
            if resident == wanted {
                break;
            }
            file = self.make(name, cached)?;
            resident = data::resident_pages(&file, self.bytes)?;
        }
        file.rewind().context("lseek")?;
        scenario.observe("resident_pages_before", resident.cast_signed());
        Ok(file)
    }

    /// The file as an earlier scenario left it, or a new one.
    fn existing(&self, name: &str) -> Result<(File, u64)> {
        let path = self.directory.join(name);
        let file = match File::options().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(_) => data::create(&path, self.bytes, Pieces::of(FILE_PIECES))?,
        };
        let resident = data::resident_pages(&file, self.bytes)?;
        Ok((file, resident))
    }

    fn make(&self, name: &str, cached: Cached) -> Result<File> {
        let file = data::create(
            &self.directory.join(name),
            self.bytes,
            Pieces::of(FILE_PIECES),
        )?;
        if cached == Cached::Nothing {
            data::evict(&file)?;
        }
        Ok(file)
    }

    fn observe_resident(&self, scenario: &Scenario, name: &str, file: &File) -> Result<()> {
        let pages = data::resident_pages(file, self.bytes)?;
        scenario.observe(name, pages.cast_signed());
        Ok(())
    }
}

/// Two ways that saw the same bytes have the same sum, and so have what is left of it when both halves
/// are folded into a number that people can compare.
fn observe_sum(scenario: &Scenario, sum: Option<u64>) {
    if let Some(sum) = sum {
        scenario.observe("sum", i64::from((sum ^ (sum >> 32)) as u32));
    }
}

/// What this process holds more than before.
fn observe_growth(scenario: &Scenario, before: Footprint) -> Result<()> {
    let growth = Footprint::now()?.growth_since(before);
    scenario.observe("anonymous_growth_bytes", growth.anonymous_bytes);
    scenario.observe("resident_growth_bytes", growth.resident_bytes);
    Ok(())
}
