//! Makes a file in the state that a scenario needs, and repeats that until it succeeds.
//!
//! A kernel may reclaim pages of a file at any moment, because of memory pressure or proactively. If it does
//! so before the round, the file is made again here; if it does so during the round,
//! [`Lesson::play`](crate::Lesson::play) plays the round again.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Pieces, create, evict, resident_pages};
use crate::page_bytes;
use crate::scenario::{ATTEMPTS, Scenario};

/// How much of a file is in the page cache when a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// All of it, in the folios that it was written in.
    Whole,
    Nothing,
}

/// A file that a scenario needs.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// All scenarios that use this path use it for the same recipe.
    pub path: PathBuf,
    pub bytes: usize,
    /// How it is written, which decides in which folios it is cached.
    pub pieces: Pieces,
    pub cached: Cached,
}

impl Recipe {
    /// Opens the file that an earlier scenario left if it is in the wanted state, or else makes it.
    ///
    /// Either way the file is open for reading and writing, at its beginning. The observation
    /// `resident_pages_before` says whether it is in the wanted state, so that checks can require it.
    pub fn prepare(&self, scenario: &Scenario) -> Result<File> {
        if self.cached == Cached::Whole {
            scenario.expect_no_input();
        }
        let (mut file, mut resident) = self.found_or_made(scenario)?;
        for _ in 1..ATTEMPTS {
            if resident == self.wanted_pages() {
                break;
            }
            (file, resident) = self.make(scenario)?;
        }
        file.rewind().context("lseek")?;
        scenario.observe("resident_pages_before", resident.cast_signed());
        Ok(file)
    }

    #[must_use]
    pub fn pages(&self) -> u64 {
        self.bytes.div_ceil(page_bytes()) as u64
    }

    fn wanted_pages(&self) -> u64 {
        match self.cached {
            Cached::Whole => self.pages(),
            Cached::Nothing => 0,
        }
    }

    /// After a perturbed round only a new file will do: pages that were read back lie in other folios than
    /// pages that were written, and so do pages that `khugepaged` has collapsed.
    fn found_or_made(&self, scenario: &Scenario) -> Result<(File, u64)> {
        let found = File::options().read(true).write(true).open(&self.path);
        match found {
            Ok(file) if !scenario.is_replay() && scenario.made().is_intact(&self.path) => {
                let resident = resident_pages(&file, self.bytes)?;
                Ok((file, resident))
            }
            _ => self.make(scenario),
        }
    }

    fn make(&self, scenario: &Scenario) -> Result<(File, u64)> {
        let file = create(&self.path, self.bytes, self.pieces)?;
        if self.cached == Cached::Nothing {
            evict(&file)?;
        }
        scenario.made().note(&self.path);
        let resident = resident_pages(&file, self.bytes)?;
        Ok((file, resident))
    }
}
