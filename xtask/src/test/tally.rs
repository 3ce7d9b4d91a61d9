//! Counts what test binaries print: sums come from their closing lines, names from the lines before.

use super::{failures::Failures, skips::Allowed};

/// A test that did not run, and why.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Skip {
    pub(super) test: String,
    /// Why; `#[ignore]` may leave it out.
    pub(super) reason: String,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
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
    pub(super) fn add_check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.add_crash(name);
        }
    }

    /// Counts a failure that no closing line reports.
    pub(super) fn add_crash(&mut self, what: &str) {
        self.failed += 1;
        self.failures.add(what);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.notes.extend(other.notes);
        self.failures.append(other.failures);
        self.skips.extend(other.skips);
    }

    /// Adds the counts of `other` under names that begin with `place`, and reports its sum.
    pub(super) fn absorb(&mut self, place: &str, mut other: Self) {
        let sum = format!("{place}: {}", other.sum());
        for note in &mut other.notes {
            *note = format!("{place}: {note}");
        }
        for skip in &mut other.skips {
            skip.test = format!("{place}: {}", skip.test);
        }
        other.failures.put_under(place);
        self.notes.push(sum);
        self.append(other);
    }

    /// Reads one line of a test binary.
    pub(super) fn read(&mut self, line: &str) {
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
        // The name of a doc test ends with what rustdoc does with it.
        let test = test.split(" - compile").next().unwrap_or(test);
        self.skips.push(Skip {
            test: test.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Ends the tests after `started` binaries; `success` is the verdict of cargo.
    pub(super) fn close(&mut self, started: usize, success: bool) {
        for _ in self.closed..started {
            self.add_crash("a test binary ended without a result");
        }
        if !success && self.failed == 0 {
            self.add_crash("the tests do not build, or ended without a result");
        }
    }

    /// Turns every skip that is not allowed into a failure.
    pub(super) fn judge_skips(&mut self, allowed: &Allowed) {
        let unnamed = self.skipped.saturating_sub(self.skips.len());
        for _ in 0..unnamed {
            self.skipped -= 1;
            self.add_crash("a test without a name was skipped, which CI does not allow");
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

    /// Every skip with its reason, and every failure with what it printed.
    pub(super) fn report(&self) -> Vec<String> {
        let skips = self
            .skips
            .iter()
            .map(|Skip { test, reason }| format!("skipped: {test} ({reason})"));
        skips
            .chain(self.notes.iter().cloned())
            .chain(self.failures.report())
            .collect()
    }

    pub(super) fn sum(&self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }
}

/// The number before `what` in a line such as `ok. 5 passed; 0 failed; 2 ignored; …`.
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
