//! What an expectation can name. Counts and their parts come from the table of metrics.

use mmap_trace_ebpf::session::Role;

use crate::metrics::Metric;

/// A quantity of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Another scenario than the one that is checked.
    pub scenario: Option<String>,
    /// What of it.
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
        /// One of several values.
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
    /// `COUNT`, `COUNT.PART` or `role.ROLE.COUNT…`
    Count {
        /// One role only.
        role: Option<Role>,
        /// What is counted.
        metric: Metric,
        /// A part or division of it.
        part: Option<String>,
    },
}

impl Quantity {
    /// Whether scenarios have it, and not the machine.
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
    /// Reads a name; the error says what is unknown and what is near.
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

fn quantity(text: &str) -> Result<Quantity, String> {
    let (first, rest) = match text.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (text, None),
    };
    match (first, rest) {
        ("work", Some("bytes")) => Ok(Quantity::WorkBytes),
        ("work", Some("pages")) => Ok(Quantity::WorkPages),
        ("work", Some("operations")) => Ok(Quantity::WorkOperations),
        ("rounds", None) => Ok(Quantity::Rounds),
        ("cpu_us", None) => Ok(Quantity::CpuTime),
        ("machine", Some("page_bytes")) => Ok(Quantity::PageBytes),
        ("machine", Some("fault_around_bytes")) => Ok(Quantity::FaultAroundBytes),
        ("machine", Some("readahead_bytes")) => Ok(Quantity::ReadaheadBytes),
        ("machine", Some("largest_folio_bytes")) => Ok(Quantity::LargestFolioBytes),
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
                .ok_or_else(|| format!("{text} lacks a count: role.ROLE.COUNT"))?;
            let role = role_by_name(role)?;
            self::count(Some(role), count)
        }
        ("work", _) => Err("work has bytes, pages and operations".to_owned()),
        ("machine", _) => Err(
            "machine has page_bytes, fault_around_bytes, readahead_bytes and largest_folio_bytes"
                .to_owned(),
        ),
        ("observed", None) => Err("observed lacks a name: observed.NAME".to_owned()),
        _ => count(None, text),
    }
}

fn role_by_name(name: &str) -> Result<Role, String> {
    Role::ALL
        .into_iter()
        .find(|role| role.name() == name)
        .ok_or_else(|| {
            format!(
                "there is no role {name}, there are {}",
                Role::ALL.map(Role::name).join(", ")
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
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(format!("{key} has no part {part}; it has {known}"));
        }
    }
    Ok(Quantity::Count {
        role,
        metric,
        part: part.map(str::to_owned),
    })
}

fn unknown_count(key: &str) -> String {
    let nearest = Metric::ALL
        .iter()
        .map(|metric| metric.key())
        .chain([
            "rounds",
            "cpu_us",
            "work.bytes",
            "observed.NAME",
            "machine.page_bytes",
        ])
        .min_by_key(|known| strsim::damerau_levenshtein(known, key));
    let hint = nearest.map_or(String::new(), |nearest| {
        format!("; did you mean {nearest}?")
    });
    format!("nothing is called {key}{hint}")
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
    fn counts_have_roles_and_parts_and_may_be_of_another_scenario() {
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
    fn every_name_of_the_language_is_known() {
        for name in [
            "work.bytes",
            "work.pages",
            "work.operations",
            "rounds",
            "mmap-load:cpu_us",
            "observed.pss_kib",
            "observed.errno.offset-1",
            "machine.page_bytes",
            "machine.fault_around_bytes",
            "machine.largest_folio_bytes",
            "machine.readahead_bytes",
            "syscalls.read",
            "syscalls.transfer",
            "syscalls.other",
            "copied_to_user_bytes.page_cache",
            "copied_from_user_bytes.process",
            "faults.user",
            "faults.kernel",
            "faults.populate",
            "faults.read",
            "faults.write",
            "faults.minor",
            "faults.major",
            "faults.cow",
            "faults.mkwrite",
            "faults_failed",
            "cache_added_pages",
            "pages_mapped_around",
            "pages_dirtied",
            "pages_written.process",
            "pages_written.flusher",
            "pages_cleaned_unwritten",
            "block_read_bytes",
            "block_other_bytes",
            "null:syscalls",
        ] {
            assert!(Name::parse(name).is_ok(), "{name}: {:?}", Name::parse(name));
        }
    }

    #[test]
    fn unknown_names_are_refused_with_what_is_near() {
        for (name, hint) in [
            ("falts", "did you mean faults?"),
            ("faults.majors", "user, kernel, populate"),
            ("faults_failed.user", "it has none"),
            ("work.byte", "operations"),
            ("role.server.faults", "sender"),
            ("role.sender", "role.ROLE.COUNT"),
            ("observed", "observed.NAME"),
            ("null:machine.page_bytes", "no scenario"),
            (":faults", "lacks a word"),
            ("faults.", "lacks a word"),
        ] {
            let error = Name::parse(name).unwrap_err();
            assert!(error.contains(hint), "{name}: {error}");
        }
    }
}
