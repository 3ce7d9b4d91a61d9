//! What is known to be missing from a run, and which metrics that makes unreliable.

use mmap_trace_ebpf::counters::Counter;

use super::{
    attach::{
        load::Chosen,
        programs::{BASE, RINGS},
    },
    skips::Misses,
    snapshot::CellSums,
};
use crate::record::{Losses, MetricRecord, MetricState, ScenarioRecord};

/// The losses of a run, zeros included.
#[must_use]
pub fn sums(rows: &[CellSums], misses: &Misses) -> Losses {
    let of = |counters: &[Counter]| {
        rows.iter()
            .flatten()
            .flat_map(|sums| counters.iter().map(|counter| sums.get(*counter)))
            .sum()
    };
    Losses {
        uncounted_calls: of(&[Counter::LostCalls]),
        unidentified_file_bytes: of(&[
            Counter::LostPathRead,
            Counter::LostPathWritten,
            Counter::LostDirect,
        ]),
        table_collisions: of(&[Counter::LostTasks, Counter::LostInodes]),
        unwatched_pages: of(&[Counter::LostWriteback]),
        recursion_misses: misses.values().sum(),
        still_running: 0,
    }
}

/// Marks as lost what a skipped program would have counted, and everything if processes were not traced.
pub fn mark(
    chosen: &[Chosen],
    untraced: u64,
    misses: &Misses,
    metrics: &mut [MetricRecord],
    scenarios: &mut [ScenarioRecord],
) {
    let of = |name: &str| misses.get(name).copied().unwrap_or(0);
    let base: u64 = BASE.iter().map(|program| of(program.name)).sum();
    let followers = RINGS.iter().copied().flatten();
    let rings: u64 = followers.map(|program| of(program.name)).sum();
    for (chosen, record) in chosen.iter().zip(metrics) {
        let Some(probe) = chosen.probe else { continue };
        let own: u64 = probe.programs.iter().map(|program| of(program.name)).sum();
        let rings = if chosen.plan.metric.losses().contains(&Counter::LostCalls) {
            rings
        } else {
            0
        };
        add_lost(record, scenarios, own + rings + base + untraced);
    }
}

/// The number of threads that had no place in the task table, whichever scenario they belong to.
pub fn untraced_threads<'a>(rows: impl IntoIterator<Item = &'a CellSums>) -> u64 {
    let sums = rows.into_iter().flatten();
    sums.map(|sums| sums.get(Counter::LostTasks)).sum()
}

/// The number of io_uring rings that a kernel thread polls unseen, wherever they were made.
pub fn polled_rings<'a>(rows: impl IntoIterator<Item = &'a CellSums>) -> u64 {
    let sums = rows.into_iter().flatten();
    sums.map(|sums| sums.get(Counter::LostPolledRings)).sum()
}

/// Marks all copied bytes as lost if a kernel thread polled a ring: storing a request in it takes no system
/// call, so nothing shows which scenario it belongs to.
pub fn mark_polled(
    rings: u64,
    chosen: &[Chosen],
    metrics: &mut [MetricRecord],
    scenarios: &mut [ScenarioRecord],
) {
    for (chosen, record) in chosen.iter().zip(metrics) {
        if chosen.probe.is_some() && chosen.plan.metric.losses().contains(&Counter::LostCalls) {
            add_lost(record, scenarios, rings);
        }
    }
}

fn add_lost(record: &mut MetricRecord, scenarios: &mut [ScenarioRecord], lost: u64) {
    if lost == 0 {
        return;
    }
    record.lost += lost;
    record.state = MetricState::Lost;
    for scenario in scenarios {
        let all = scenario.roles.values_mut().chain([&mut scenario.counts]);
        all.filter_map(|counts| counts.get_mut(&record.name))
            .for_each(|count| count.lost += lost);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        count::attach::plan::PLAN,
        metrics::Metric,
        record::{Count, Counts},
    };

    fn chosen(metric: Metric) -> Chosen {
        let plan = PLAN.iter().find(|plan| plan.metric == metric).unwrap();
        Chosen {
            plan,
            probe: plan.probes.first(),
            rejected: Vec::new(),
        }
    }

    fn marked(misses: &[(&str, u64)], untraced: u64) -> Vec<u64> {
        let chosen = [chosen(Metric::Faults), chosen(Metric::BlockRead)];
        let misses = misses
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect();
        let mut metrics: Vec<MetricRecord> = chosen
            .iter()
            .map(|chosen| MetricRecord {
                name: chosen.plan.metric.key().to_owned(),
                state: MetricState::Attached,
                grade: None,
                probe: None,
                meaning: None,
                lost: 0,
                reason: None,
                calibrated_by: Vec::new(),
                not_calibrated: None,
                not_cross_checked: None,
            })
            .collect();
        let counts: Counts = metrics
            .iter()
            .map(|metric| (metric.name.clone(), Count::default()))
            .collect();
        let mut scenarios = [ScenarioRecord {
            counts,
            ..ScenarioRecord::default()
        }];
        mark(&chosen, untraced, &misses, &mut metrics, &mut scenarios);
        let states: Vec<bool> = metrics
            .iter()
            .map(|metric| metric.state == MetricState::Lost)
            .collect();
        let lost: Vec<u64> = metrics.iter().map(|metric| metric.lost).collect();
        assert_eq!(
            states,
            lost.iter().map(|lost| *lost > 0).collect::<Vec<_>>()
        );
        for metric in &metrics {
            assert_eq!(scenarios[0].counts[&metric.name].lost, metric.lost);
        }
        lost
    }

    #[test]
    fn a_skipped_program_makes_only_the_metrics_of_its_probe_unreliable() {
        assert_eq!(marked(&[], 0), [0, 0]);
        assert_eq!(marked(&[("bio_queue", 3)], 0), [0, 3]);
        assert_eq!(marked(&[("process_fork", 2)], 0), [2, 2]);
    }

    #[test]
    fn an_untraced_process_makes_everything_unreliable() {
        assert_eq!(marked(&[], 5), [5, 5]);
        assert_eq!(marked(&[("bio_queue", 3)], 5), [5, 8]);
    }
}
