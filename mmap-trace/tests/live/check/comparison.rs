//! Comparisons of a recording with wanted counts; one failure reports everything that differs.

use anyhow::{Result, ensure};

use crate::tracer::Recording;

pub(super) struct Comparison<'a> {
    recording: &'a Recording,
    equal: usize,
    wrong: Vec<String>,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(recording: &'a Recording) -> Self {
        Comparison {
            recording,
            equal: 0,
            wrong: Vec::new(),
        }
    }

    /// Compares a count of a scenario.
    pub(super) fn count(&mut self, scenario: &str, key: &str, wanted: u64) {
        match self.recording.count(scenario, key) {
            Ok(counted) if counted == wanted => self.equal += 1,
            Ok(counted) => self.fail(format!("{scenario}: {key} is {counted}, not {wanted}")),
            Err(error) => self.fail(format!("{error:#}")),
        }
    }

    /// Adds a difference that is not one of counts.
    pub(super) fn fail(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// Fails if anything differs; else returns the number of equal counts.
    pub(super) fn end(self) -> Result<usize> {
        ensure!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        Ok(self.equal)
    }
}
