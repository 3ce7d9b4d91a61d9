//! A problem of the course, and where it is.

use std::{
    fmt,
    path::{Path, PathBuf},
};

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finding {
    file: PathBuf,
    /// The line, counted from 1.
    line: usize,
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file.display(), self.line, self.what)
    }
}

/// All problems, in the order in which they were found.
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

    #[cfg(test)]
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|finding| keep(&finding.what));
    }
}
