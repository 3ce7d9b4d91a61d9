//! What a verdict rests on: each expectation, and what was found in which scenarios.

use askama::{Template, filters::HtmlSafe};

use crate::record::{Basis, CheckRecord, ClaimRecord, Verdict};

/// The checks of one claim.
#[derive(Debug, Template)]
#[template(path = "evidence.html")]
pub(super) struct EvidenceView {
    id: String,
    basis: &'static str,
    settles: String,
    source: Option<String>,
    expectations: Vec<ExpectationView>,
}

/// One expectation with what was found.
#[derive(Debug)]
struct ExpectationView {
    expect: String,
    findings: Vec<FindingView>,
}

/// What was found in scenarios that all show the same.
#[derive(Debug, PartialEq, Eq)]
struct FindingView {
    verdict: Verdict,
    expected: Option<String>,
    observed: Option<String>,
    reason: Option<String>,
    scenarios: Vec<String>,
}

impl HtmlSafe for EvidenceView {}

impl EvidenceView {
    pub(super) fn of(claim: &ClaimRecord) -> EvidenceView {
        let settles: Vec<String> = claim.settles.iter().map(u32::to_string).collect();
        EvidenceView {
            id: claim.id.clone(),
            basis: match claim.basis {
                Basis::Counted => "counted in the kernel",
                Basis::Observed => "observed by the program",
                Basis::Timed => "timed in rounds that take turns",
                Basis::Source => "a published source; no run can decide it",
            },
            settles: settles.join(", "),
            source: claim.reason.clone().filter(|_| claim.checks.is_empty()),
            expectations: expectations(&claim.checks),
        }
    }
}

/// The checks by expectation; those that fail come first.
fn expectations(checks: &[CheckRecord]) -> Vec<ExpectationView> {
    let mut expectations: Vec<ExpectationView> = Vec::new();
    for check in checks {
        let known = expectations.iter().position(|it| it.expect == check.expect);
        let place = known.unwrap_or_else(|| {
            expectations.push(ExpectationView {
                expect: check.expect.clone(),
                findings: Vec::new(),
            });
            expectations.len() - 1
        });
        add(&mut expectations[place].findings, check);
    }
    let order = |verdict| match verdict {
        Verdict::Fails => 0,
        Verdict::Unobservable => 1,
        Verdict::Holds => 2,
    };
    for expected in &mut expectations {
        expected.findings.sort_by_key(|it| order(it.verdict));
    }
    expectations.sort_by_key(|it| it.findings.iter().map(|it| order(it.verdict)).min());
    expectations
}

fn add(findings: &mut Vec<FindingView>, check: &CheckRecord) {
    let found = FindingView {
        verdict: check.verdict,
        expected: check.expected.clone(),
        observed: check.observed.clone(),
        reason: check.reason.clone(),
        scenarios: Vec::new(),
    };
    let is_same = |it: &FindingView| {
        (it.verdict, &it.expected, &it.observed, &it.reason)
            == (
                found.verdict,
                &found.expected,
                &found.observed,
                &found.reason,
            )
    };
    let place = findings.iter().position(is_same).unwrap_or_else(|| {
        findings.push(found);
        findings.len() - 1
    });
    findings[place].scenarios.push(check.scenario.clone());
}

impl FindingView {
    fn scenarios(&self) -> String {
        self.scenarios.join(", ")
    }

    fn is_failure(&self) -> bool {
        self.verdict == Verdict::Fails
    }

    fn is_undecided(&self) -> bool {
        self.verdict == Verdict::Unobservable
    }
}
