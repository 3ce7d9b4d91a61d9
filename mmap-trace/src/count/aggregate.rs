//! Combines the lesson's marks with the counter rows into the scenarios of a Recording. It does no I/O.

mod counts;
mod roles;

use std::collections::BTreeMap;

use mmap_trace_ebpf::session::CELL_FINISHED;

use super::{
    attach::plan::Probe,
    cpu_time,
    session::page::{CellMark, Marks},
    snapshot::{CellSums, Sums},
};
use crate::{
    metrics::Metric,
    record::{Observed, ScenarioRecord, Spread, WorkRecord},
};

#[derive(Clone, Debug)]
pub struct Counting {
    pub metric: Metric,
    /// `None` if nothing counts it, or if the calibration refuted what does.
    pub probe: Option<&'static Probe>,
    /// Why there is no probe.
    pub reason: Option<String>,
}

/// Builds one record per scenario, in the order in which they were first entered.
///
/// `rows` are the counters of `marks.cells`, in the same order.
#[must_use]
pub fn scenarios(marks: &Marks, rows: &[CellSums], counting: &[Counting]) -> Vec<ScenarioRecord> {
    let mut order: Vec<usize> = Vec::new();
    for cell in &marks.cells {
        if !order.contains(&cell.scenario) {
            order.push(cell.scenario);
        }
    }
    order
        .into_iter()
        .map(|scenario| {
            // The counts of a round that was cut off mean nothing.
            let rounds: Vec<(&CellMark, &CellSums)> = marks
                .cells
                .iter()
                .zip(rows)
                .filter(|(cell, _)| cell.scenario == scenario && cell.state == CELL_FINISHED)
                .collect();
            one_scenario(
                &marks.scenarios[scenario],
                scenario,
                &rounds,
                marks,
                counting,
            )
        })
        .collect()
}

fn one_scenario(
    name: &str,
    index: usize,
    rounds: &[(&CellMark, &CellSums)],
    marks: &Marks,
    counting: &[Counting],
) -> ScenarioRecord {
    let finished: Vec<&CellMark> = rounds.iter().map(|(cell, _)| *cell).collect();
    let elapsed = finished
        .iter()
        .map(|cell| cell.end_ns.saturating_sub(cell.begin_ns))
        .collect();
    let all: Vec<Sums> = rounds
        .iter()
        .map(|(_, roles)| {
            let mut sum = Sums::default();
            roles.iter().for_each(|role| sum.add(role));
            sum
        })
        .collect();
    ScenarioRecord {
        name: name.to_owned(),
        rounds: finished.len() as u64,
        work: finished
            .last()
            .map_or(WorkRecord::default(), |cell| WorkRecord {
                bytes: cell.work_bytes,
                pages: cell.work_pages,
                operations: cell.work_operations,
            }),
        elapsed_ns: spread(elapsed),
        cpu_time: cpu_time::of_rounds(&finished),
        observed: observations(index, &finished, marks),
        roles: roles::counts_of_each(rounds, counting),
        counts: counts::of_rounds(&all, counting),
    }
}

/// What the lesson observed, and the medians of getrusage over the rounds.
fn observations(
    scenario: usize,
    finished: &[&CellMark],
    marks: &Marks,
) -> BTreeMap<String, Observed> {
    let mut observed: BTreeMap<String, Observed> = BTreeMap::new();
    let median = |field: fn(&CellMark) -> u64| {
        spread(finished.iter().map(|cell| field(cell)).collect())
            .median
            .cast_signed()
    };
    if finished.iter().any(|cell| cell.has_usage) {
        for (name, value) in [
            ("rusage_minor_faults", median(|cell| cell.minor_faults)),
            ("rusage_major_faults", median(|cell| cell.major_faults)),
            ("rusage_user_us", median(|cell| cell.user_us)),
            ("rusage_system_us", median(|cell| cell.system_us)),
        ] {
            observed.entry(name.to_owned()).or_default().value = Some(value);
        }
    }
    for seen in marks
        .observations
        .iter()
        .filter(|seen| seen.scenario == scenario)
    {
        let entry = observed.entry(seen.name.clone()).or_default();
        if seen.by.is_empty() {
            entry.value = Some(seen.value);
        } else {
            entry.by.insert(seen.by.clone(), seen.value);
        }
    }
    observed
}

/// Smallest, median and largest; zeros if there are no values.
#[must_use]
pub fn spread(mut values: Vec<u64>) -> Spread {
    values.sort_unstable();
    match (values.first(), values.last()) {
        (Some(&min), Some(&max)) => Spread {
            min,
            median: values[(values.len() - 1) / 2],
            max,
        },
        _ => Spread::default(),
    }
}

#[cfg(test)]
mod tests {
    use mmap_trace_ebpf::{
        counters::Counter,
        session::{CELL_ENTERED, Role},
    };

    use super::*;
    use crate::count::attach::plan::PLAN;

    fn counting(metric: Metric) -> Vec<Counting> {
        let plan = PLAN.iter().find(|plan| plan.metric == metric).unwrap();
        vec![Counting {
            metric,
            probe: plan.probes.first(),
            reason: None,
        }]
    }

    fn marks(cells: &[(usize, u64)]) -> Marks {
        Marks {
            scenarios: vec!["a".to_owned(), "b".to_owned()],
            cells: cells
                .iter()
                .enumerate()
                .map(|(n, &(scenario, elapsed))| CellMark {
                    number: n + 1,
                    scenario,
                    state: CELL_FINISHED,
                    begin_ns: 100,
                    end_ns: 100 + elapsed,
                    has_usage: true,
                    ..CellMark::default()
                })
                .collect(),
            ..Marks::default()
        }
    }

    fn row(role: Role, counter: Counter, n: u64) -> CellSums {
        let mut sums = CellSums::default();
        sums[role as usize].0[counter as usize] = n;
        sums
    }

    #[test]
    fn rounds_that_agree_give_one_number_and_rounds_that_differ_a_range() {
        let marks = marks(&[(0, 10), (1, 5), (0, 30), (1, 5)]);
        let fault = |n| row(Role::Main, Counter::FaultsUser, n);
        let found = scenarios(
            &marks,
            &[fault(7), fault(3), fault(7), fault(4)],
            &counting(Metric::Faults),
        );
        let faults = |n: usize| &found[n].counts["faults"];
        assert_eq!((faults(0).value, faults(0).min), (Some(7), None));
        assert_eq!(
            (faults(1).value, faults(1).min, faults(1).max),
            (Some(3), Some(3), Some(4))
        );
        assert_eq!(
            found[0].elapsed_ns,
            Spread {
                min: 10,
                median: 10,
                max: 30
            }
        );
        assert_eq!(found[0].rounds, 2);
    }

    #[test]
    fn samples_are_added_over_all_rounds() {
        let sample = |n| row(Role::Main, Counter::SamplesCopying, n);
        let found = scenarios(
            &marks(&[(0, 10), (0, 10)]),
            &[sample(7), sample(30)],
            &counting(Metric::CpuSamples),
        );
        let samples = &found[0].counts["cpu_samples"];
        assert_eq!((samples.value, samples.min), (Some(37), None));
        assert_eq!(samples.by["copying"], 37);
    }

    #[test]
    fn a_round_that_was_cut_off_is_not_counted() {
        let mut marks = marks(&[(0, 10)]);
        marks.cells[0].state = CELL_ENTERED;
        let sums = row(Role::Main, Counter::FaultsUser, 7);
        let found = scenarios(&marks, &[sums], &counting(Metric::Faults));
        let faults = &found[0].counts["faults"];
        assert_eq!((found[0].rounds, faults.value), (0, None));
        assert_eq!(
            faults.reason.as_deref(),
            Some("the scenario did not finish")
        );
    }

    #[test]
    fn roles_add_up_to_the_scenario() {
        let mut sums = row(Role::Sender, Counter::FromUserPipe, 5);
        sums[Role::Receiver as usize].0[Counter::FromUserPipe as usize] = 2;
        let found = scenarios(
            &marks(&[(0, 1)]),
            &[sums],
            &counting(Metric::CopiedFromUser),
        );
        assert_eq!(found[0].counts["copied_from_user_bytes"].value, Some(7));
        assert_eq!(
            found[0].roles["sender"]["copied_from_user_bytes"].by["pipe"],
            5
        );
        assert_eq!(found[0].roles.len(), 2);
    }

    #[test]
    fn a_role_that_took_part_is_listed_with_its_zeros() {
        let mut marks = marks(&[(0, 1)]);
        let counting = counting(Metric::CopiedToUser);
        let sums = row(Role::Receiver, Counter::ToUserProcess, 5);
        assert!(scenarios(&marks, &[sums], &counting)[0].roles.is_empty());

        marks.cells[0].roles = Role::Main.bit() | Role::Sender.bit() | Role::Receiver.bit();
        let found = scenarios(&marks, &[sums], &counting);
        let copied = |role: &str| found[0].roles[role]["copied_to_user_bytes"].value;
        assert_eq!(
            ["main", "sender", "receiver"].map(copied),
            [Some(0), Some(0), Some(5)]
        );
        assert_eq!(found[0].roles.len(), 3);
    }

    #[test]
    fn a_metric_without_a_probe_is_null_with_its_reason_and_never_zero() {
        let counting = [Counting {
            metric: Metric::FaultsWaited,
            probe: None,
            reason: Some("no hook".to_owned()),
        }];
        let found = scenarios(&marks(&[(0, 1)]), &[CellSums::default()], &counting);
        let count = &found[0].counts["faults_waited"];
        assert_eq!(
            (count.value, count.reason.as_deref()),
            (None, Some("no hook"))
        );
    }

    #[test]
    fn a_count_carries_its_losses() {
        let mut sums = row(Role::Main, Counter::ToUserPipe, 5);
        sums[0].0[Counter::LostCalls as usize] = 2;
        let found = scenarios(&marks(&[(0, 1)]), &[sums], &counting(Metric::CopiedToUser));
        assert_eq!(found[0].counts["copied_to_user_bytes"].lost, 2);
    }

    #[test]
    fn pages_dirtied_by_two_scenarios_are_assigned_to_neither() {
        let sums = row(Role::Main, Counter::PagesWrittenShared, 3);
        let found = scenarios(&marks(&[(0, 1)]), &[sums], &counting(Metric::PagesWritten));
        let count = &found[0].counts["pages_written"];
        assert_eq!((count.value, count.by["shared"]), (None, 3));
    }
}
