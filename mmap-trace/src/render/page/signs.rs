//! Explains the signs before the numbers of a table, and the numbers that it lacks.

use crate::{
    metrics::Metric,
    record::{Count, ScenarioRecord},
    render::{
        cell::{LOST, NOT_COUNTED, ROUNDS_DIFFER},
        rows::{self, Line},
    },
    text::number::thousands,
};

/// A sentence for each kind of sign that the table has.
pub(super) fn explain(scenarios: &[&ScenarioRecord], groups: &[Vec<Line>]) -> Vec<String> {
    let labels: Vec<&str> = groups
        .iter()
        .flatten()
        .map(|line| line.label.trim())
        .collect();
    let is_shown = |metric: &&Metric| {
        let label = rows::label(**metric);
        labels.iter().any(|shown| shown.ends_with(&*label))
    };
    let shown: Vec<Metric> = Metric::ALL.iter().filter(is_shown).copied().collect();
    let counts = || {
        scenarios.iter().flat_map(|scenario| {
            let counts = shown.iter();
            counts.filter_map(|metric| {
                let count = scenario.counts.get(metric.key())?;
                Some((format!("{} in {}", metric.label(), scenario.name), count))
            })
        })
    };
    let lost = counts().filter(|(_, count)| count.lost > 0 && count.value.is_some());
    let lost = lost.map(|(name, count)| format!("{} {name}", thousands(count.lost)));
    let differ = counts().filter_map(|(name, count)| Some(format!("{name} {}", range(count)?)));
    let missing = counts().filter(|(_, count)| count.value.is_none());
    let missing = missing.map(|(name, count)| {
        let reason = count.reason.as_deref().unwrap_or("no reason is known");
        format!("{name}: {reason}")
    });
    let unfinished = scenarios.iter().filter(|it| it.rounds == 0);
    let unfinished = unfinished.map(|it| it.name.clone());
    [
        sentence(&format!("{LOST} is missing"), &lost.collect::<Vec<_>>()),
        sentence(
            &format!("{ROUNDS_DIFFER} is the median of rounds that differ"),
            &differ.collect::<Vec<_>>(),
        ),
        sentence(
            &format!("{NOT_COUNTED} was not counted"),
            &missing.collect::<Vec<_>>(),
        ),
        sentence("not finished", &unfinished.collect::<Vec<_>>()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn sentence(sign: &str, list: &[String]) -> Option<String> {
    (!list.is_empty()).then(|| format!("{sign}: {}", list.join("; ")))
}

fn range(count: &Count) -> Option<String> {
    let value = count.value?;
    let (min, max) = (count.min.unwrap_or(value), count.max.unwrap_or(value));
    (count.min.is_some() || count.max.is_some())
        .then(|| format!("{} to {}", thousands(min), thousands(max)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::samples;

    #[test]
    fn only_what_the_table_shows_is_explained() {
        let mut recording = samples::recording();
        let faults = samples::count(&mut recording, "mmap-load", "faults");
        (faults.value, faults.min, faults.max, faults.lost) = (Some(7), Some(5), None, 3);
        let calls = samples::count(&mut recording, "mmap-load", "syscalls");
        (calls.value, calls.reason) = (None, Some("the probe was refused".to_owned()));
        let scenario = &*samples::scenario(&mut recording, "mmap-load");
        let line = |metric| Line {
            label: rows::label(metric),
            cells: Vec::new(),
        };
        let signs = |metric| explain(&[scenario], &[vec![line(metric)]]);
        assert_eq!(
            signs(Metric::Faults),
            [
                "? is missing: 3 page faults in mmap-load",
                "~ is the median of rounds that differ: page faults in mmap-load 5 to 7",
            ]
        );
        let calls = signs(Metric::Syscalls);
        assert_eq!(
            calls,
            ["n/a was not counted: system calls in mmap-load: the probe was refused"]
        );
        assert_eq!(signs(Metric::PagesDirtied), [""; 0]);
    }
}
