//! The names of the expression language. Counts and their parts come from the table of metrics.

use mmap_trace_ebpf::session::{PERTURBED, Role};

use super::measure::Measure;
use crate::{metrics::Metric, text::nearest::did_you_mean};

/// A quantity of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The scenario, if it is not the one that is checked.
    pub scenario: Option<String>,
    /// What is asked about it.
    pub quantity: Quantity,
}

/// Something that a Recording may have a number for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// `work.bytes`
    WorkBytes,
    /// `work.pages`
    WorkPages,
    /// `work.operations`
    WorkOperations,
    /// `rounds`
    Rounds,
    /// `cpu_us`
    CpuTime,
    /// `observed.NAME` or `observed.NAME.BY`
    Observed {
        /// Its name.
        name: String,
        /// Which of several values.
        by: Option<String>,
    },
    /// `machine.page_bytes`
    PageBytes,
    /// `machine.fault_around_bytes`
    FaultAroundBytes,
    /// `machine.readahead_bytes`
    ReadaheadBytes,
    /// `machine.largest_folio_bytes`
    LargestFolioBytes,
    /// `METRIC`, `METRIC.PART` or `role.ROLE.METRIC…`
    Count {
        /// The role; `None` means all roles together.
        role: Option<Role>,
        /// What is counted.
        metric: Metric,
        /// A part or division of it.
        part: Option<String>,
    },
}

/// A name that every scenario or machine has.
#[derive(Debug)]
pub struct FixedName {
    /// The name.
    pub name: &'static str,
    /// What it means to the judge.
    pub quantity: Quantity,
    /// Its unit.
    pub unit: Measure,
    /// What it is, in one line.
    pub about: &'static str,
}

macro_rules! fixed {
    ($($name:literal, $quantity:ident, $unit:ident, $about:literal;)*) => {
        &[$(FixedName {
            name: $name,
            quantity: Quantity::$quantity,
            unit: Measure::$unit,
            about: $about,
        },)*]
    };
}

/// Names that are neither counts nor observations.
pub const FIXED: &[FixedName] = fixed! {
    "work.bytes", WorkBytes, Bytes, "Bytes that one round moves or touches, as the lesson reports.";
    "work.pages", WorkPages, Pages, "Pages that one round touches, as the lesson reports.";
    "work.operations", WorkOperations, Events,
        "Calls, messages or passes of one round, as the lesson reports.";
    "rounds", Rounds, Plain, "How often the scenario was entered and left.";
    "cpu_us", CpuTime, Micros,
        "CPU time of one round in user and kernel mode: an interval that contains the median with 95 % confidence.";
    "machine.page_bytes", PageBytes, Bytes, "Size of a base page.";
    "machine.fault_around_bytes", FaultAroundBytes, Bytes,
        "Fault-around window, measured on a file in the page cache.";
    "machine.readahead_bytes", ReadaheadBytes, Bytes,
        "Readahead window of the block device, from sysfs.";
    "machine.largest_folio_bytes", LargestFolioBytes, Bytes,
        "Largest folio that the file system makes for one large write, measured.";
};

/// Observations that need no declaration, because the tracer or the lessons' library makes them.
pub const BUILT_IN_OBSERVATIONS: &[(&str, &str)] = &[
    (
        "rusage_minor_faults",
        "Minor faults of one round by getrusage(2).",
    ),
    (
        "rusage_major_faults",
        "Major faults of one round by getrusage(2).",
    ),
    (
        "rusage_user_us",
        "CPU time of one round in user mode by getrusage(2).",
    ),
    (
        "rusage_system_us",
        "CPU time of one round in kernel mode by getrusage(2).",
    ),
    (
        PERTURBED,
        "Attempts at the scenario, if something else on the machine perturbed every one of them.",
    ),
    (
        "resident_pages_before",
        "Pages of the data file in the page cache right before the scenario.",
    ),
    (
        "bystander_dirty_pages",
        "Dirty pages of a file that nobody syncs: 1, unless something wrote everything back.",
    ),
];

impl Quantity {
    /// Whether it belongs to a scenario rather than to the machine.
    #[must_use]
    pub fn is_of_scenario(&self) -> bool {
        !matches!(
            self,
            Quantity::PageBytes
                | Quantity::FaultAroundBytes
                | Quantity::ReadaheadBytes
                | Quantity::LargestFolioBytes
        )
    }
}

impl Name {
    /// Reads a name; the error says what is unknown and suggests what may be meant.
    pub fn parse(text: &str) -> Result<Name, String> {
        let (scenario, rest) = match text.split_once(':') {
            Some((scenario, rest)) => (Some(scenario.to_owned()), rest),
            None => (None, text),
        };
        if scenario.as_deref() == Some("") || rest.split('.').any(str::is_empty) {
            return Err(format!("{text} lacks a word"));
        }
        let quantity = quantity(rest)?;
        if scenario.is_some() && !quantity.is_of_scenario() {
            return Err(format!("{rest} belongs to no scenario"));
        }
        Ok(Name { scenario, quantity })
    }
}

impl Quantity {
    /// Its unit, as far as its name alone tells.
    #[must_use]
    pub fn measure(&self) -> Measure {
        match self {
            Quantity::Count { metric, .. } => metric.unit().into(),
            Quantity::Observed { name, .. } => Measure::told_by(name),
            other => fixed(other).map_or(Measure::Plain, |known| known.unit),
        }
    }
}

fn fixed(quantity: &Quantity) -> Option<&'static FixedName> {
    FIXED.iter().find(|known| known.quantity == *quantity)
}

fn quantity(text: &str) -> Result<Quantity, String> {
    if let Some(known) = FIXED.iter().find(|known| known.name == text) {
        return Ok(known.quantity.clone());
    }
    let (first, rest) = match text.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    match (first, rest) {
        ("observed", Some(rest)) => {
            let (name, by) = match rest.split_once('.') {
                Some((name, by)) => (name, Some(by.to_owned())),
                None => (rest, None),
            };
            Ok(Quantity::Observed {
                name: name.to_owned(),
                by,
            })
        }
        ("role", Some(rest)) => {
            let (role, count) = rest
                .split_once('.')
                .ok_or_else(|| format!("{text} lacks a metric; write role.ROLE.METRIC"))?;
            let role = role_by_name(role)?;
            self::count(Some(role), count)
        }
        ("work" | "machine", _) => {
            let prefix = format!("{first}.");
            let known = FIXED.iter().map(|known| known.name);
            let known: Vec<_> = known.filter(|name| name.starts_with(&prefix)).collect();
            Err(format!(
                "nothing is called {text}{}; there are {}",
                did_you_mean(text, known.iter().copied()),
                known.join(", ")
            ))
        }
        ("observed", None) => Err("observed lacks a name; write observed.NAME".to_owned()),
        _ => count(None, text),
    }
}

fn role_by_name(name: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|role| role.name() == name)
        .ok_or_else(|| {
            let known = Role::ALL.map(Role::name);
            let hint = did_you_mean(name, known);
            format!(
                "there is no role {name}{hint}; there are {}",
                known.join(", ")
            )
        })
}

fn count(role: Option<Role>, text: &str) -> Result<Quantity, String> {
    let (key, part) = match text.split_once('.') {
        Some((key, part)) => (key, Some(part)),
        None => (text, None),
    };
    let metric = Metric::by_key(key).ok_or_else(|| unknown_count(key))?;
    if let Some(part) = part {
        let known = parts(metric);
        if !known.contains(&part) {
            let hint = did_you_mean(part, known.iter().copied());
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(format!("{key} has no part {part}{hint}; it has {known}"));
        }
    }
    Ok(Quantity::Count {
        role,
        metric,
        part: part.map(str::to_owned),
    })
}

fn unknown_count(key: &str) -> String {
    let metrics = Metric::ALL.iter().map(|metric| metric.key());
    let fixed = FIXED.iter().map(|known| known.name);
    let known = metrics.chain(fixed).chain(["observed", "role"]);
    format!("nothing is called {key}{}", did_you_mean(key, known))
}

/// Names of the parts and divisions of a metric.
#[must_use]
pub fn parts(metric: Metric) -> Vec<&'static str> {
    [metric.parts(), metric.divisions()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_may_name_a_scenario_a_role_and_a_part() {
        let name = Name::parse("read-4k:role.sender.copied_from_user_bytes.pipe").unwrap();
        assert_eq!(name.scenario.as_deref(), Some("read-4k"));
        assert_eq!(
            name.quantity,
            Quantity::Count {
                role: Some(Role::Sender),
                metric: Metric::CopiedFromUser,
                part: Some("pipe".to_owned()),
            }
        );
    }

    #[test]
    fn every_fixed_name_and_every_part_of_every_metric_is_known() {
        let fixed = FIXED.iter().map(|known| known.name.to_owned());
        let metrics = Metric::ALL.iter().copied();
        let parts = metrics.flat_map(|metric| {
            let parts = parts(metric).into_iter();
            parts.map(move |part| format!("{}.{part}", metric.key()))
        });
        for name in fixed.chain(parts) {
            assert!(
                Name::parse(&name).is_ok(),
                "{name}: {:?}",
                Name::parse(&name)
            );
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_what_may_be_meant() {
        for (name, hint) in [
            ("falts", "did you mean faults?"),
            (
                "faults.majors",
                "no part majors; did you mean major?; it has user",
            ),
            ("faults_failed.user", "it has none"),
            (
                "work.byte",
                "did you mean work.bytes?; there are work.bytes, work.pages",
            ),
            ("role.server.faults", "sender"),
            ("role.sender", "role.ROLE.METRIC"),
            ("observed", "observed.NAME"),
            ("observd.sum", "did you mean observed?"),
            ("null:machine.page_bytes", "no scenario"),
            (":faults", "lacks a word"),
            ("faults.", "lacks a word"),
        ] {
            let error = Name::parse(name).unwrap_err();
            assert!(error.contains(hint), "{name}: {error}");
        }
    }
}
