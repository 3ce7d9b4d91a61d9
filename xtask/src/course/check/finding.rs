//! What is wrong with the course, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// One problem.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finding {
    /// From the root of the repository.
    file: PathBuf,
    /// From 1 on.
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// All of them, in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn add(&mut self, file: &Path, line: usize, what: impl Into<String>) {
        self.0.push(Finding {
            file: file.to_path_buf(),
            line,
            what: what.into(),
        });
    }

    pub(super) fn list(&self) -> &[Finding] {
        &self.0
    }
}
