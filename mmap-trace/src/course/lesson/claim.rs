//! A sentence of a lesson and the checks that decide it.

use serde::Deserialize;

use super::validate::{Problems, require_name, require_text};
use crate::course::{expression::times, expression::tree::Expectation};
use crate::{metrics::Grade, record::Basis};

/// A sentence that a run can confirm or refute.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// The sentence, word for word as in the lesson's text.
    pub sentence: String,
    /// Claims of the notes that it settles.
    pub settles: Vec<u32>,
    /// What it rests on.
    pub basis: Basis,
    /// Heading in the lesson's text that explains it.
    pub section: String,
    /// Where it is published, for a claim by source.
    pub source: Option<String>,
    /// The least that a count must be worth to decide it.
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

/// `[[claim]]` as it stands in the file.
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
    expect: String,
    #[serde(default)]
    needs: Vec<String>,
}

impl RawClaim {
    /// Reads the expressions; whatever is wrong goes into `problems`.
    pub(super) fn read(self, problems: &mut Problems) -> Claim {
        let place = format!("claim {}", self.id);
        require_name(&self.id, &format!("{place}, id"), problems);
        require_text(&self.sentence, &format!("{place}, sentence"), problems);
        require_text(&self.section, &format!("{place}, section"), problems);
        let has_source = self
            .source
            .as_deref()
            .is_some_and(|source| !source.trim().is_empty());
        match (self.basis, has_source, self.check.is_empty()) {
            (Basis::Source, false, _) => {
                problems.add(&place, "its basis is source, but it has no source");
            }
            (Basis::Source, true, false) => {
                problems.add(&place, "its basis is source, so no check can decide it");
            }
            (Basis::Counted | Basis::Observed | Basis::Timed, _, true) => {
                problems.add(&place, "it has neither a check nor the basis source");
            }
            _ => {}
        }
        let checks = read_checks(&self.check, &place, problems);
        for check in &checks {
            require_basis(self.basis, check, &place, problems);
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

/// Times are compared as intervals, everything else as numbers; no check does both.
fn require_basis(basis: Basis, check: &Check, place: &str, problems: &mut Problems) {
    let is_timed = basis == Basis::Timed;
    if let Some(problem) = times::problem(&check.expect).filter(|_| is_timed) {
        problems.add(place, format!("{}: {problem}", check.expect.text));
    }
    let expect = (!is_timed).then_some(&check.expect);
    for text in expect.into_iter().chain(&check.needs) {
        if times::names_a_time(text) {
            let problem = "only what a timed claim expects can name cpu_us";
            problems.add(place, format!("{}: {problem}", text.text));
        }
    }
}

fn read_checks(raw: &[RawCheck], claim: &str, problems: &mut Problems) -> Vec<Check> {
    let mut checks = Vec::new();
    for (number, raw) in raw.iter().enumerate() {
        let place = format!("{claim}, check {}", number + 1);
        let mut read = |text: &str, field: &str| {
            Expectation::parse(text)
                .inspect_err(|error| problems.add(&format!("{place}, {field}"), error))
                .ok()
        };
        let expect = read(&raw.expect, "expect");
        let needs = raw
            .needs
            .iter()
            .filter_map(|need| read(need, "needs"))
            .collect();
        if let Some(expect) = expect {
            checks.push(Check {
                scenarios: raw.scenarios.clone(),
                expect,
                needs,
            });
        }
    }
    checks
}
