//! `mmap-trace doctor`: examines what the tracer can count on this machine, for people and bug reports.
//!
//! Each file is a table of checks of one subject; a check looks at one thing and judges it.
//! It works without root, in containers, and without /sys: it reports what it cannot see as "not visible".

mod calibration;
mod counting;
mod disk;
mod finding;
mod host;
mod kernel;
mod rights;
mod tools;

pub use host::Host;

use crate::diagnosis::{CountingDiagnosis, CountingSum, Diagnosis, FORMAT_VERSION, Trial};
use finding::section;

/// Runs every check.
#[must_use]
pub fn examine(host: &Host) -> Diagnosis {
    let mut sections = vec![
        section("Kernel", kernel::CHECKS, host),
        section("Rights", rights::CHECKS, host),
        section("Work directory", disk::CHECKS, host),
        section("Programs", tools::CHECKS, host),
    ];
    let (counting, calibration) = counting::attempt(host);
    sections.extend((!calibration.findings.is_empty()).then_some(calibration));
    Diagnosis {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        sum: sum(&counting),
        sections,
        counting,
    }
}

fn sum(counting: &CountingDiagnosis) -> CountingSum {
    let with_probe = counting
        .metrics
        .iter()
        .filter(|it| it.probe.is_some())
        .count();
    match counting.trial {
        Trial::Attached if with_probe == counting.metrics.len() => CountingSum::Everything,
        Trial::Attached if with_probe > 0 => CountingSum::Some,
        _ => CountingSum::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{Level, MetricDiagnosis};

    fn counting(trial: Trial, probes: &[Option<&'static str>]) -> CountingDiagnosis {
        let metrics = probes.iter().map(|probe| MetricDiagnosis {
            metric: "faults",
            level: Level::Ok,
            probe: *probe,
            grade: None,
            is_calibrated: false,
            rejected: Vec::new(),
            mend: None,
        });
        CountingDiagnosis {
            trial,
            metrics: metrics.collect(),
            facts: None,
        }
    }

    #[test]
    fn a_probe_that_was_not_attached_counts_nothing() {
        let refused = || Trial::Refused("EPERM".to_owned());
        assert_eq!(
            sum(&counting(refused(), &[Some("a")])),
            CountingSum::Nothing
        );
        assert_eq!(
            sum(&counting(Trial::Attached, &[None])),
            CountingSum::Nothing
        );
        assert_eq!(
            sum(&counting(Trial::Attached, &[Some("a"), None])),
            CountingSum::Some
        );
        assert_eq!(
            sum(&counting(Trial::Attached, &[Some("a")])),
            CountingSum::Everything
        );
    }

    #[test]
    fn every_check_has_a_unique_name_and_says_why_it_matters() {
        let tables = [kernel::CHECKS, rights::CHECKS, disk::CHECKS, tools::CHECKS];
        let mut names: Vec<&str> = tables.iter().copied().flatten().map(|it| it.what).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(
            tables
                .iter()
                .copied()
                .flatten()
                .all(|it| !it.why.is_empty())
        );
    }
}
