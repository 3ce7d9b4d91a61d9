//! Chooses the lines of a table, and fills in their cells.

use std::collections::BTreeSet;

use super::{cell, text};
use crate::text::number::thousands;
use crate::{
    course::expression::names::{self, Name, Quantity},
    metrics::{Metric, Unit},
    record::{Count, Counts, CpuTime, ScenarioRecord},
};

/// One column of a table: a scenario, or one role of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    pub(super) heading: &'a str,
    pub(super) counts: &'a Counts,
    /// `None` for a role, which has no work, time and observations.
    pub(super) scenario: Option<&'a ScenarioRecord>,
}

impl<'a> Column<'a> {
    pub(super) fn of_scenario(scenario: &'a ScenarioRecord) -> Self {
        Column {
            heading: &scenario.name,
            counts: &scenario.counts,
            scenario: Some(scenario),
        }
    }

    fn count(&self, metric: Metric) -> Option<&'a Count> {
        self.counts.get(metric.key())
    }
}

/// One line: a label, and a cell per column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) label: String,
    pub(super) cells: Vec<String>,
}

impl Line {
    /// Width of its widest cell.
    pub(super) fn width(&self) -> usize {
        self.cells
            .iter()
            .map(|cell| text::width(cell))
            .max()
            .unwrap_or(0)
    }
}

/// Which parts of a count get lines of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Those that differ from the whole in some column; others say nothing new.
    ThatDivide,
    /// All that are not 0.
    All,
}

/// A metric's name with its unit.
pub(super) fn label(metric: Metric) -> String {
    let label = metric.label();
    match metric.unit() {
        Unit::Bytes => format!("{label}, bytes"),
        Unit::Pages if !label.starts_with("pages") => format!("{label}, pages"),
        Unit::Pages | Unit::Events => label.to_owned(),
    }
}

/// A count and its parts.
pub(super) fn metric(metric: Metric, columns: &[Column<'_>], parts: Parts) -> Vec<Line> {
    let mut lines = vec![line(label(metric), columns, |column| {
        cell::count(column.count(metric))
    })];
    for part in known_parts(metric, columns) {
        let numbers = columns.iter().filter_map(|column| {
            let count = column.count(metric)?;
            Some((count.value?, *count.by.get(&part)?))
        });
        let (mut is_seen, mut divides) = (false, false);
        for (whole, number) in numbers {
            is_seen |= number > 0;
            divides |= number != whole;
        }
        if is_seen && (divides || parts == Parts::All) {
            lines.push(line(
                format!("  {}", part.replace('_', " ")),
                columns,
                |column| cell::part(column.count(metric), &part),
            ));
        }
    }
    lines
}

/// Parts in the order of the metric's table, then unknown ones.
fn known_parts(metric: Metric, columns: &[Column<'_>]) -> Vec<String> {
    let mut parts: Vec<String> = names::parts(metric)
        .into_iter()
        .map(str::to_owned)
        .collect();
    let there = columns.iter().filter_map(|column| column.count(metric));
    for part in there.flat_map(|count| count.by.keys()) {
        if !parts.contains(part) {
            parts.push(part.clone());
        }
    }
    parts
}

/// The lines of a name that a lesson chooses.
pub(super) fn chosen(name: &Name, columns: &[Column<'_>]) -> Vec<Line> {
    let of_work = |label: &str, field: fn(&ScenarioRecord) -> u64| {
        vec![line(label.to_owned(), columns, |column| {
            column
                .scenario
                .map_or(String::new(), |scenario| thousands(field(scenario)))
        })]
    };
    match &name.quantity {
        Quantity::WorkBytes => of_work("work, bytes", |scenario| scenario.work.bytes),
        Quantity::WorkPages => of_work("work, pages", |scenario| scenario.work.pages),
        Quantity::WorkOperations => {
            of_work("work, operations", |scenario| scenario.work.operations)
        }
        Quantity::Rounds => of_work("rounds", |scenario| scenario.rounds),
        Quantity::CpuTime => vec![cpu_time(columns)],
        Quantity::Observed { name, by } => vec![observation(name, by.as_deref(), columns)],
        Quantity::Count {
            role: None,
            metric,
            part: None,
        } => self::metric(*metric, columns, Parts::ThatDivide),
        Quantity::Count { role, metric, part } => {
            let mut title = role.map_or(String::new(), |role| format!("{}: ", role.name()));
            title.push_str(&label(*metric));
            if let Some(part) = part {
                title.push_str(", ");
                title.push_str(&part.replace('_', " "));
            }
            vec![line(title, columns, |column| {
                let counts = match role {
                    None => Some(column.counts),
                    Some(role) => column
                        .scenario
                        .and_then(|scenario| scenario.roles.get(role.name())),
                };
                let count = counts.and_then(|counts| counts.get(metric.key()));
                part.as_ref()
                    .map_or_else(|| cell::count(count), |part| cell::part(count, part))
            })]
        }
        // Validation of the lesson's file rejects such a row.
        Quantity::PageBytes
        | Quantity::FaultAroundBytes
        | Quantity::ReadaheadBytes
        | Quantity::LargestFolioBytes => Vec::new(),
    }
}

fn cpu_time(columns: &[Column<'_>]) -> Line {
    line("CPU time, µs".to_owned(), columns, |column| {
        let time = column.scenario.and_then(|scenario| scenario.cpu_time);
        time.map_or(cell::NOT_COUNTED.to_owned(), |time| {
            thousands(time.median_us)
        })
    })
}

/// All other lines that are not 0 in every column.
pub(super) fn rest(shown: &[Name], columns: &[Column<'_>]) -> Vec<Line> {
    let is_new = |quantity: &Quantity| shown.iter().all(|name| name.quantity != *quantity);
    let mut lines = Vec::new();
    for quantity in [
        Quantity::WorkBytes,
        Quantity::WorkPages,
        Quantity::WorkOperations,
    ] {
        if is_new(&quantity) {
            let name = Name {
                scenario: None,
                quantity,
            };
            let work = chosen(&name, columns).into_iter();
            lines.extend(work.filter(|line| !line.cells.iter().all(|cell| is_nothing(cell))));
        }
    }
    for &metric in Metric::ALL {
        let is_seen = columns
            .iter()
            .filter_map(|column| column.count(metric))
            .any(cell::is_something);
        if is_seen
            && is_new(&Quantity::Count {
                role: None,
                metric,
                part: None,
            })
        {
            lines.extend(self::metric(metric, columns, Parts::ThatDivide));
        }
    }
    lines
}

fn is_nothing(cell: &str) -> bool {
    cell.is_empty() || cell == "0"
}

/// What the lesson observed, and the account of getrusage where it is not 0.
pub(super) fn observations(shown: &[Name], columns: &[Column<'_>]) -> Vec<Line> {
    let mut keys = BTreeSet::new();
    for (name, observed) in columns
        .iter()
        .filter_map(|column| column.scenario)
        .flat_map(|scenario| &scenario.observed)
    {
        keys.extend(observed.value.map(|_| (name.as_str(), None)));
        keys.extend(
            observed
                .by
                .keys()
                .map(|by| (name.as_str(), Some(by.as_str()))),
        );
    }
    keys.into_iter()
        .filter(|(name, by)| {
            let quantity = Quantity::Observed {
                name: (*name).to_owned(),
                by: by.map(str::to_owned),
            };
            shown.iter().all(|name| name.quantity != quantity)
        })
        .map(|(name, by)| (name, observation(name, by, columns)))
        .filter(|(name, line)| {
            !name.starts_with("rusage_") || !line.cells.iter().all(|cell| is_nothing(cell))
        })
        .map(|(_, line)| line)
        .collect()
}

fn observation(name: &str, by: Option<&str>, columns: &[Column<'_>]) -> Line {
    let label = by.map_or(name.to_owned(), |by| format!("{name}.{by}"));
    line(label, columns, |column| {
        let observed = column
            .scenario
            .and_then(|scenario| scenario.observed.get(name));
        let value = observed.and_then(|observed| match by {
            None => observed.value,
            Some(by) => observed.by.get(by).copied(),
        });
        value.map_or(String::new(), thousands)
    })
}

/// Durations with their spread, if they can be compared, that is, if the rounds alternate.
pub(super) fn durations(columns: &[Column<'_>]) -> Vec<Line> {
    if !alternate(columns) {
        return Vec::new();
    }
    let of = |label: &str, text: fn(&ScenarioRecord) -> String| {
        line(label.to_owned(), columns, |column| {
            column.scenario.map_or(String::new(), text)
        })
    };
    vec![
        of("rounds", |it| thousands(it.rounds)),
        of("elapsed, ms, smallest", |it| {
            cell::milliseconds(it.elapsed_ns.min)
        }),
        of("elapsed, ms, median", |it| {
            cell::milliseconds(it.elapsed_ns.median)
        }),
        of("elapsed, ms, largest", |it| {
            cell::milliseconds(it.elapsed_ns.max)
        }),
    ]
}

/// Whether every scenario had several rounds, which overlapped in time with those of the others.
fn alternate(columns: &[Column<'_>]) -> bool {
    let times: Option<Vec<CpuTime>> = columns
        .iter()
        .map(|column| {
            let scenario = column.scenario.filter(|scenario| scenario.rounds > 1)?;
            scenario.cpu_time
        })
        .collect();
    times.is_some_and(|times| {
        let begin = times.iter().map(|time| time.first_begin_ns).max();
        begin < times.iter().map(|time| time.last_end_ns).min()
    })
}

/// The duration of a command.
pub(super) fn duration(scenario: &ScenarioRecord) -> Line {
    Line {
        label: "elapsed, ms".to_owned(),
        cells: vec![cell::milliseconds(scenario.elapsed_ns.median)],
    }
}

fn line<'a>(label: String, columns: &[Column<'a>], cell: impl Fn(&Column<'a>) -> String) -> Line {
    Line {
        label,
        cells: columns.iter().map(cell).collect(),
    }
}
