//! A sentence of a lesson and the checks that decide it.

use serde::Deserialize;

use super::{problems::Problems, strings::Strings};
use crate::course::expression::{names::Quantity, scope::Scope, times, tree::Expectation};
use crate::{metrics::Grade, record::Basis};

/// A sentence that a run can confirm or refute.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// The sentence, word for word as in the lesson's text.
    pub sentence: String,
    /// Claims of the mmap notes that it settles.
    pub settles: Vec<u32>,
    /// What it rests on.
    pub basis: Basis,
    /// Heading in the lesson's text that explains it.
    pub section: String,
    /// Where it is published, for a claim by source.
    pub source: Option<String>,
    /// The lowest grade of a count that may decide it.
    pub least: Grade,
    /// All of them must hold.
    pub checks: Vec<Check>,
}

/// One expectation, for one or more scenarios.
#[derive(Clone, Debug)]
pub struct Check {
    /// Where it must hold.
    pub scenarios: Vec<String>,
    /// What must hold.
    pub expect: Expectation,
    /// What must be true for it to be decided at all.
    pub needs: Vec<Expectation>,
}

/// `[[claim]]` as it is in the file, before its expressions are read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawClaim {
    id: String,
    sentence: String,
    #[serde(default)]
    settles: Vec<u32>,
    basis: Basis,
    section: String,
    source: Option<String>,
    grade: Option<Grade>,
    #[serde(default)]
    check: Vec<RawCheck>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCheck {
    scenarios: Vec<String>,
    expect: Strings,
    #[serde(default)]
    needs: Strings,
}

impl RawClaim {
    /// Reads the expressions; whatever is wrong goes into `problems`.
    pub(super) fn read(self, scope: &Scope, problems: &mut Problems) -> Claim {
        let place = format!("claim {}", self.id);
        problems.require_name(&self.id, &format!("{place}, id"));
        problems.require_text(&self.sentence, &format!("{place}, sentence"));
        problems.require_text(&self.section, &format!("{place}, section"));
        let source = self.source.as_deref().unwrap_or_default();
        match (self.basis, source.trim().is_empty(), self.check.is_empty()) {
            (Basis::Source, true, _) => {
                problems.add(&place, "its basis is source, but it has no source");
            }
            (Basis::Source, false, false) => {
                problems.add(&place, "its basis is source, so no check can decide it");
            }
            (Basis::Counted | Basis::Observed | Basis::Timed, _, true) => {
                problems.add(&place, "it has neither a check nor the basis source");
            }
            _ => {}
        }
        let before = problems.len();
        let mut checks = Vec::new();
        for (number, raw) in self.check.into_iter().enumerate() {
            let place = format!("{place}, check {}", number + 1);
            let read = raw.read(scope, &place, problems);
            require_times(self.basis, &read, &place, problems);
            checks.extend(read);
        }
        if problems.len() == before {
            require_basis(self.basis, &checks, &place, problems);
        }
        Claim {
            checks,
            id: self.id,
            sentence: self.sentence,
            settles: self.settles,
            basis: self.basis,
            section: self.section,
            source: self.source,
            least: self.grade.unwrap_or(Grade::Sampled),
        }
    }
}

impl RawCheck {
    /// One check for each expectation of the list.
    fn read(self, scope: &Scope, place: &str, problems: &mut Problems) -> Vec<Check> {
        problems.require_scenarios(&self.scenarios, scope, &format!("{place}, scenarios"));
        let mut read = |texts: &Strings, field: &str| -> Vec<Expectation> {
            let place = format!("{place}, {field}");
            let read = texts.0.iter().filter_map(|text| {
                let expectation = Expectation::parse(text, scope);
                problems.value(&place, expectation)
            });
            read.collect()
        };
        let needs = read(&self.needs, "needs");
        let expectations = read(&self.expect, "expect");
        if self.expect.0.is_empty() {
            problems.add(&format!("{place}, expect"), "there is none");
        }
        let check = |expect| Check {
            scenarios: self.scenarios.clone(),
            expect,
            needs: needs.clone(),
        };
        expectations.into_iter().map(check).collect()
    }
}

/// Times are compared as intervals, everything else as numbers; no check does both. The checks are those
/// of one list, which have the same needs.
fn require_times(basis: Basis, checks: &[Check], place: &str, problems: &mut Problems) {
    let is_timed = basis == Basis::Timed;
    let needs = checks.first().map_or(&[][..], |check| &check.needs);
    let expects = checks.iter().map(|check| &check.expect);
    for expect in expects.clone().filter(|_| is_timed) {
        if let Some(problem) = times::problem(expect) {
            problems.add(place, format!("{}: {problem}", expect.text));
        }
    }
    for text in expects.filter(|_| !is_timed).chain(needs) {
        if times::names_a_time(text) {
            let problem = "only what a timed claim expects can name cpu_us";
            problems.add(place, format!("{}: {problem}", text.text));
        }
    }
}

/// A claim must rest on what its basis says: a timed one does because each check compares times.
fn require_basis(basis: Basis, checks: &[Check], place: &str, problems: &mut Problems) {
    let mut names = checks.iter().flat_map(|check| check.expect.names());
    let problem = match basis {
        Basis::Counted if !names.any(|name| matches!(name.quantity, Quantity::Count { .. })) => {
            "its basis is counted, but no check expects anything of a count"
        }
        Basis::Observed
            if !names.any(|name| matches!(name.quantity, Quantity::Observed { .. })) =>
        {
            "its basis is observed, but no check expects anything of an observation"
        }
        _ => return,
    };
    problems.add(place, problem);
}
