//! Files of a lesson that are alike: of one size, and written in pieces of one size.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Cached, Pieces, Recipe};
use crate::{Lesson, Scenario, page_bytes};

/// Makes such files in the lesson's directory.
pub struct Files {
    directory: PathBuf,
    bytes: usize,
    pieces: Pieces,
}

impl Files {
    /// Files of the lesson's size.
    #[must_use]
    pub fn of(lesson: &Lesson, pieces: Pieces) -> Self {
        Files {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
            pieces,
        }
    }

    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bytes of each file.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Pages of each file.
    #[must_use]
    pub fn pages(&self) -> u64 {
        (self.bytes / page_bytes()) as u64
    }

    /// Opens the file of this name in this state; see [`Recipe::prepare`].
    pub fn prepare(&self, scenario: &Scenario, name: &str, cached: Cached) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join(name),
            bytes: self.bytes,
            pieces: self.pieces,
            cached,
        };
        recipe.prepare(scenario)
    }
}
