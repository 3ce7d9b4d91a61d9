//! Lesson 6: why do random updates hurt?

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::{Scenario, page_bytes};

mod methods;
mod places;

use methods::{Method, Sync};
use places::Places;

const SIZE_BYTES: u64 = 16 << 20;

/// Files written in pieces of 4 KiB lie in small folios on every kernel.
const SMALL: usize = 4 << 10;
/// Files written in pieces of 1 MiB lie in large folios where the kernel has them.
const LARGE: usize = 1 << 20;

/// What is updated, by which method, and how often it is synced.
#[derive(Clone, Copy)]
struct Case {
    method: Method,
    places: Places,
    rounds: u64,
    sync: Sync,
    pieces: usize,
    cached: Cached,
}

/// The case with which the others are compared: one store into each page of a warm file, then msync(2).
const STORE: Case = Case {
    method: Method::Store,
    places: Places::EveryPage { times: 1 },
    rounds: 1,
    sync: Sync::AtTheEnd,
    pieces: SMALL,
    cached: Cached::Whole,
};
const PWRITE: Case = Case {
    method: Method::Pwrite,
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
    method: Method::Pwrite,
    ..FEW_STORES
};

/// In the order in which the text discusses them.
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
            method: Method::Pwrite,
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
            lesson.play_with_file(name, |scenario, _| methods::play(scenario, &data, &case))?;
        }
        Ok(())
    })
}

struct Data {
    directory: PathBuf,
    /// The scenario's own file.
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
