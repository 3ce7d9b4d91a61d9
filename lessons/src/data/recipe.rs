//! A file in the state that a scenario needs, made again until it is.
//!
//! A kernel may take pages of a file back at any moment (memory pressure, proactive reclaim), between the
//! making and the looking as well as in the middle of a round. The first is mended here, the second by
//! [`Lesson::play`](crate::Lesson::play), which plays the round again.

use std::fs::File;
use std::io::Seek;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::{Pieces, create, evict, resident_pages};
use crate::{ATTEMPTS, Scenario, page_bytes};

/// How much of a file is in the page cache when a scenario begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cached {
    /// All of it, in the folios that it was written in.
    Whole,
    /// Nothing of it.
    Nothing,
}

/// What a scenario needs of a file.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Where it lies. A path belongs to one recipe.
    pub path: PathBuf,
    /// How long it is.
    pub bytes: usize,
    /// How it is written, and therefore in which folios it is cached.
    pub pieces: Pieces,
    /// What of it is cached.
    pub cached: Cached,
}

impl Recipe {
    /// Opens the file as an earlier scenario left it, if that is the state wanted here, or makes it.
    ///
    /// Where it begins, and that it is open for reading and writing, does not depend on which it was. The
    /// observation `resident_pages_before` says whether the state came true, for checks to need it.
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

    /// Pages of the whole file.
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

    /// What was read back into the cache lies there in other folios than what was written, so after a
    /// spoiled round only a new file will do; and after `khugepaged` has made one of many.
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
