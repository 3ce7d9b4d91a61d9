//! `mmap-trace doctor`: what this machine lets the tracer see, fit to paste into a bug report.
//!
//! Tables of checks, one file a subject; a check looks and judges, nothing here prints. It works without
//! root, in containers, and without /sys: what can not be seen is said to be so.

mod calibration;
mod counting;
mod disk;
mod finding;
mod host;
mod kernel;
mod rights;
mod tools;

use serde::Serialize;

pub use counting::{Counted, Counting, Refused, Trial};
pub use finding::{Finding, Level, Section};
pub use host::Host;

/// Version of the JSON form of [`Report`].
pub const FORMAT_VERSION: u32 = 1;

/// Everything that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// [`FORMAT_VERSION`] of the writer.
    pub format_version: u32,
    /// Version of mmap-trace.
    pub tool_version: &'static str,
    /// What the signals add up to.
    pub sum: Sum,
    /// Findings by subject.
    pub sections: Vec<Section>,
    /// Every signal with its ways.
    pub counting: Counting,
}

/// How much can be counted in the kernel by this account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sum {
    /// Every signal.
    Everything,
    /// Some signals not.
    Some,
    /// None.
    Nothing,
}

/// Looks at everything.
#[must_use]
pub fn examine(host: &Host) -> Report {
    let mut sections = vec![
        Section::of("Kernel", kernel::CHECKS, host),
        Section::of("Rights", rights::CHECKS, host),
        Section::of("Work directory", disk::CHECKS, host),
        Section::of("Programs", tools::CHECKS, host),
    ];
    let (counting, calibration) = counting::attempt(host);
    sections.extend((!calibration.findings.is_empty()).then_some(calibration));
    Report {
        format_version: FORMAT_VERSION,
        tool_version: env!("CARGO_PKG_VERSION"),
        sum: sum(&counting),
        sections,
        counting,
    }
}

fn sum(counting: &Counting) -> Sum {
    let with_way = counting
        .signals
        .iter()
        .filter(|it| it.way.is_some())
        .count();
    match counting.trial {
        Trial::Attached if with_way == counting.signals.len() => Sum::Everything,
        Trial::Attached if with_way > 0 => Sum::Some,
        _ => Sum::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(trial: Trial, ways: &[Option<&'static str>]) -> Counting {
        let signals = ways.iter().map(|way| Counted {
            signal: "faults",
            level: Level::Ok,
            way: *way,
            grade: None,
            is_verified: false,
            refused: Vec::new(),
            mend: None,
        });
        Counting {
            trial,
            signals: signals.collect(),
            facts: None,
        }
    }

    #[test]
    fn a_way_that_was_not_attached_counts_nothing() {
        let refused = || Trial::Refused("EPERM".to_owned());
        assert_eq!(sum(&counting(refused(), &[Some("a")])), Sum::Nothing);
        assert_eq!(sum(&counting(Trial::Attached, &[None])), Sum::Nothing);
        assert_eq!(
            sum(&counting(Trial::Attached, &[Some("a"), None])),
            Sum::Some
        );
        assert_eq!(
            sum(&counting(Trial::Attached, &[Some("a")])),
            Sum::Everything
        );
    }

    #[test]
    fn every_check_has_a_name_of_its_own_and_says_why_it_matters() {
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
