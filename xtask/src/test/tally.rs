//! Counts what test binaries print. Sums come from their closing lines, names from the lines before.

use super::{failures::Failures, skips::Allowed};

/// A test that did not run, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Skip {
    /// Its name.
    pub(crate) test: String,
    /// Its reason; `#[ignore]` needs none.
    pub(crate) reason: String,
}

/// What has been counted so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
    closed: usize,
    skips: Vec<Skip>,
    notes: Vec<String>,
    failures: Failures,
}

impl Tally {
    /// Counts a check as one test.
    pub(crate) fn add_check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.add_crash(name);
        }
    }

    /// Counts a failure that no closing line tells of.
    pub(crate) fn add_crash(&mut self, what: &str) {
        self.failed += 1;
        self.failures.add(what);
    }

    /// Adds what was counted elsewhere; its sum is reported, and its tests by names that say where.
    pub(crate) fn absorb(&mut self, place: &str, other: Self) {
        self.notes.push(format!("{place}: {}", other.sum()));
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        let notes = other.notes.into_iter();
        self.notes
            .extend(notes.map(|note| format!("{place}: {note}")));
        self.failures.absorb(place, other.failures);
        self.skips.extend(other.skips.into_iter().map(|skip| Skip {
            test: format!("{place}: {}", skip.test),
            reason: skip.reason,
        }));
    }

    /// Takes one line of a test binary.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("test result: ") {
            self.failures.silence();
            self.closed += 1;
            self.passed += counted(rest, "passed");
            self.failed += counted(rest, "failed");
            self.skipped += counted(rest, "ignored");
        } else if let Some((test, outcome)) = line
            .strip_prefix("test ")
            .and_then(|rest| rest.rsplit_once(" ... "))
        {
            self.failures.silence();
            self.read_outcome(test, outcome);
        } else {
            self.failures.read(line);
        }
    }

    fn read_outcome(&mut self, test: &str, outcome: &str) {
        let reason = ["skipped: ", "ignored, "]
            .iter()
            .find_map(|mark| outcome.strip_prefix(mark));
        match (outcome, reason) {
            ("ignored", _) => self.skip(test, "marked #[ignore]"),
            ("FAILED", _) => self.failures.begin(test),
            (_, Some(reason)) => self.skip(test, reason),
            _ => {}
        }
    }

    fn skip(&mut self, test: &str, reason: &str) {
        // A doc test's name ends with what rustdoc does with it.
        let test = test.split(" - compile").next().unwrap_or(test);
        self.skips.push(Skip {
            test: test.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Ends the tests: `started` binaries were run, and cargo called the whole a success or not.
    pub(crate) fn close(&mut self, started: usize, success: bool) {
        for _ in self.closed..started {
            self.add_crash("a test binary ended without a result");
        }
        if !success && self.failed == 0 {
            self.add_crash("the tests do not build, or ended without a result");
        }
    }

    /// Turns every skip that is not allowed into a failure.
    pub(crate) fn judge_skips(&mut self, allowed: &Allowed) {
        let unnamed = self.skipped.saturating_sub(self.skips.len());
        for _ in 0..unnamed {
            self.skipped -= 1;
            self.add_crash("a test was skipped without a name, which CI does not allow");
        }
        for skip in std::mem::take(&mut self.skips) {
            if let Some(reason) = allowed.reason(&skip.test) {
                self.notes
                    .push(format!("skip allowed: {} ({reason})", skip.test));
                continue;
            }
            self.skipped = self.skipped.saturating_sub(1);
            let Skip { test, reason } = skip;
            self.add_crash(&format!(
                "{test} was skipped ({reason}); .ci/allowed-skips does not name it"
            ));
        }
    }

    /// What to read before the sum: every skip with its reason, every failure with what it said.
    pub(crate) fn report(&self) -> Vec<String> {
        let skips = self
            .skips
            .iter()
            .map(|Skip { test, reason }| format!("skipped: {test} ({reason})"));
        skips
            .chain(self.notes.iter().cloned())
            .chain(self.failures.report())
            .collect()
    }

    /// The last line.
    pub(crate) fn sum(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }

    /// How many failed.
    pub(crate) fn failed(&self) -> usize {
        self.failed
    }
}

/// The number before `what` in `ok. 5 passed; 0 failed; 2 ignored; …`.
fn counted(closing: &str, what: &str) -> usize {
    closing
        .split(['.', ';'])
        .filter_map(|part| part.trim().split_once(' '))
        .find(|(_, word)| *word == what)
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
