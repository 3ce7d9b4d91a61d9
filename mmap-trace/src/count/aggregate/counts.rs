//! Combines the counters of several rounds into one count per metric.

use std::collections::BTreeMap;

use mmap_trace_ebpf::counters::Counter;

use super::Counting;
use crate::{
    count::{attach::plan::Probe, snapshot::Sums},
    metrics::{Grade, Metric},
    record::{Count, Counts},
};

pub(super) fn of_rounds(rounds: &[Sums], counting: &[Counting]) -> Counts {
    counting
        .iter()
        .map(|counting| {
            let count = match counting.probe {
                None => Count {
                    reason: counting.reason.clone(),
                    ..Count::default()
                },
                Some(probe) => count(counting.metric, probe, rounds),
            };
            (counting.metric.key().to_owned(), count)
        })
        .collect()
}

/// One round has too few samples to say anything, so a sampled metric adds up all rounds.
fn count(metric: Metric, probe: &Probe, rounds: &[Sums]) -> Count {
    if probe.grade == Grade::Sampled && !rounds.is_empty() {
        let mut all = Sums::default();
        for sums in rounds {
            all.add(sums);
        }
        return count_rounds(metric, probe, &[all]);
    }
    count_rounds(metric, probe, rounds)
}

fn count_rounds(metric: Metric, probe: &Probe, rounds: &[Sums]) -> Count {
    let total = |sums: &Sums| {
        probe
            .parts
            .iter()
            .map(|(counter, _)| sums.get(*counter))
            .fold(0, u64::wrapping_add)
    };
    let mut order: Vec<&Sums> = rounds.iter().collect();
    order.sort_by_key(|sums| total(sums));
    let (Some(first), Some(last)) = (order.first(), order.last()) else {
        return Count {
            reason: Some("the scenario did not finish".to_owned()),
            ..Count::default()
        };
    };
    let median = order[(order.len() - 1) / 2];
    let differs = total(first) != total(last);
    let mut count = Count {
        value: Some(total(median)),
        min: differs.then(|| total(first)),
        max: differs.then(|| total(last)),
        by: parts(metric, probe, median),
        lost: rounds
            .iter()
            .flat_map(|sums| metric.losses().iter().map(|lost| sums.get(*lost)))
            .sum(),
        reason: None,
    };
    let shared: u64 = rounds
        .iter()
        .map(|sums| sums.get(Counter::PagesWrittenShared))
        .sum();
    if metric == Metric::PagesWritten && shared > 0 {
        count.value = None;
        count.reason = Some(format!(
            "{shared} pages belong to a file that another scenario had dirtied too"
        ));
    }
    count
}

fn parts(metric: Metric, probe: &Probe, sums: &Sums) -> BTreeMap<String, u64> {
    let mut by: BTreeMap<String, u64> = probe
        .parts
        .iter()
        .chain(probe.divisions)
        .filter(|(_, part)| !part.is_empty())
        .map(|(counter, part)| ((*part).to_owned(), sums.get(*counter)))
        .collect();
    if metric == Metric::Faults {
        let total: u64 = probe
            .parts
            .iter()
            .map(|(counter, _)| sums.get(*counter))
            .sum();
        let major = sums.get(Counter::FaultsMajor);
        by.insert("minor".to_owned(), total.saturating_sub(major));
    }
    by
}
