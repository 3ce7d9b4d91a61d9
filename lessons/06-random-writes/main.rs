//! Lesson 6: why do random updates hurt?

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use lessons::data::{Cached, Pieces, Recipe};
use lessons::{Scenario, page_bytes};

mod places;
mod ways;

use places::Places;
use ways::{Sync, Way};

const SIZE_BYTES: u64 = 16 << 20;

/// Files written in such pieces lie in the page cache as single pages.
const SMALL: usize = 4 << 10;
/// Files written in such pieces lie there as large folios, where the kernel has them.
const LARGE: usize = 1 << 20;

/// What is updated, by which way, and how often it is synced.
#[derive(Clone, Copy)]
struct Case {
    way: Way,
    places: Places,
    rounds: u64,
    sync: Sync,
    pieces: usize,
    cached: Cached,
}

/// What the others are compared with: one store into each page of a warm file, then msync(2).
const STORE: Case = Case {
    way: Way::Store,
    places: Places::EveryPage { times: 1 },
    rounds: 1,
    sync: Sync::AtTheEnd,
    pieces: SMALL,
    cached: Cached::Whole,
};
const PWRITE: Case = Case {
    way: Way::Pwrite,
    ..STORE
};
const STORE_ROUNDS: Case = Case {
    rounds: 4,
    sync: Sync::AfterEachRound,
    ..STORE
};
const FEW_STORES: Case = Case {
    places: Places::Scattered,
    ..STORE
};
const FEW_PWRITES: Case = Case {
    way: Way::Pwrite,
    ..FEW_STORES
};

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Case); 16] = [
    ("store-1", STORE),
    ("pwrite-1", PWRITE),
    ("store-8", several(&STORE, 8)),
    ("pwrite-8", several(&PWRITE, 8)),
    ("store-64", several(&STORE, 64)),
    ("pwrite-64", several(&PWRITE, 64)),
    ("store-rounds", STORE_ROUNDS),
    (
        "pwrite-rounds",
        Case {
            way: Way::Pwrite,
            ..STORE_ROUNDS
        },
    ),
    (
        "store-rounds-one-sync",
        Case {
            sync: Sync::AtTheEnd,
            ..STORE_ROUNDS
        },
    ),
    ("few-stores-small", FEW_STORES),
    ("few-pwrites-small", FEW_PWRITES),
    (
        "one-store-large",
        Case {
            places: Places::One,
            pieces: LARGE,
            ..STORE
        },
    ),
    (
        "few-stores-large",
        Case {
            pieces: LARGE,
            ..FEW_STORES
        },
    ),
    (
        "few-pwrites-large",
        Case {
            pieces: LARGE,
            ..FEW_PWRITES
        },
    ),
    (
        "few-stores-cold",
        Case {
            cached: Cached::Nothing,
            ..FEW_STORES
        },
    ),
    (
        "few-pwrites-cold",
        Case {
            cached: Cached::Nothing,
            ..FEW_PWRITES
        },
    ),
];

const fn several(case: &Case, times: usize) -> Case {
    Case {
        places: Places::EveryPage { times },
        ..*case
    }
}

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        for (name, case) in SCENARIOS {
            let data = Data {
                directory: lesson.directory().to_owned(),
                path: lesson.directory().join(name),
                bytes: lesson.size_bytes(),
            };
            lesson.play(name, |scenario| {
                ways::play(scenario, &data, &case)?;
                fs::remove_file(&data.path)
                    .with_context(|| format!("removing {}", data.path.display()))
            })?;
        }
        Ok(())
    })
}

/// The file of a scenario.
struct Data {
    directory: PathBuf,
    path: PathBuf,
    bytes: usize,
}

impl Data {
    fn file(&self, scenario: &Scenario, case: &Case) -> Result<File> {
        let recipe = Recipe {
            path: self.path.clone(),
            bytes: self.bytes,
            pieces: Pieces::of(case.pieces),
            cached: case.cached,
        };
        recipe.prepare(scenario)
    }

    fn pages(&self) -> usize {
        self.bytes / page_bytes()
    }
}
