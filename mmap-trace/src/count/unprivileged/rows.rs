//! Turns the accounts that a lesson read into counter rows and observations. It does no I/O.

use std::collections::BTreeMap;

use mmap_trace_ebpf::{
    counters::Counter,
    session::{CELL_FINISHED, IO_FIELDS, IO_READ_BYTES, Role},
};

use crate::{
    count::{
        session::page::{CellMark, Marks},
        snapshot::CellSums,
    },
    metrics::Metric,
    record::{Count, Counts, Observed, ScenarioRecord},
};

/// The rows of the cells, as the kernel programs would have written them. getrusage and /proc/PID/io do not
/// distinguish roles, so everything is in the row of the first one.
pub(super) fn rows(marks: &Marks) -> Vec<CellSums> {
    marks.cells.iter().map(row).collect()
}

fn row(cell: &CellMark) -> CellSums {
    let mut sums = CellSums::default();
    let main = &mut sums[Role::Main as usize].0;
    // The lesson is not trusted and can write any number, so the sum may wrap.
    main[Counter::FaultsTaken as usize] = cell.minor_faults.wrapping_add(cell.major_faults);
    main[Counter::FaultsMajor as usize] = cell.major_faults;
    main[Counter::BlockRead as usize] = cell.io.map_or(0, |io| io[IO_READ_BYTES]);
    sums
}

/// The observations with which claims compare the count of faults; here both are the same account.
const SAME_ACCOUNT: [&str; 2] = ["rusage_minor_faults", "rusage_major_faults"];

/// Removes counts that the accounts of a scenario do not support, and adds /proc/PID/io of its last round as
/// an observation.
///
/// It also removes the observations that are the same account as a count, because a claim that compares the
/// two would always hold.
pub fn complete(marks: &Marks, scenarios: &mut [ScenarioRecord]) {
    for scenario in scenarios {
        forget_roles(scenario);
        for name in SAME_ACCOUNT {
            scenario.observed.remove(name);
        }
        let rounds: Vec<&CellMark> = marks
            .cells
            .iter()
            .filter(|cell| {
                cell.state == CELL_FINISHED
                    && marks.scenarios.get(cell.scenario) == Some(&scenario.name)
            })
            .collect();
        if !rounds.iter().all(|cell| cell.has_usage) {
            forget_counts(scenario);
            continue;
        }
        let accounts: Option<Vec<_>> = rounds.iter().map(|cell| cell.io).collect();
        match accounts {
            None => forget_reads(scenario),
            Some(accounts) => {
                if let Some(last) = accounts.last() {
                    let by = IO_FIELDS.iter().zip(last);
                    let by: BTreeMap<String, i64> = by
                        .map(|(name, value)| ((*name).to_owned(), value.cast_signed()))
                        .collect();
                    let observed = Observed { value: None, by };
                    scenario.observed.insert("proc_io".to_owned(), observed);
                }
            }
        }
    }
}

const OVERLAPPED: &str =
    "needs root: several scenarios overlapped, and /proc/PID/io adds up their processes";
const ADDED_UP: &str = "needs root: the account of a round adds up all of its processes";

const UNACCOUNTED: &str = "the lesson read no account of this scenario";

fn forget_reads(scenario: &mut ScenarioRecord) {
    let count = scenario.counts.get_mut(Metric::BlockRead.key());
    if let Some(count) = count.filter(|count| count.value.is_some()) {
        forget(count, OVERLAPPED);
    }
}

fn forget_counts(scenario: &mut ScenarioRecord) {
    for count in scenario.counts.values_mut() {
        if count.value.is_some() {
            forget(count, UNACCOUNTED);
        }
    }
}

/// The account does not say which process of a round did something.
fn forget_roles(scenario: &mut ScenarioRecord) {
    let counts = scenario.roles.values_mut().flat_map(Counts::values_mut);
    for count in counts.filter(|count| count.value.is_some()) {
        forget(count, ADDED_UP);
    }
}

fn forget(count: &mut Count, reason: &str) {
    *count = Count {
        reason: Some(reason.to_owned()),
        ..Count::default()
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::count::{
        aggregate::{self, Counting},
        kernel::disk::Disk,
        unprivileged::{chosen, plan::IoAccounting},
    };

    fn cell(scenario: usize, io: Option<[u64; IO_FIELDS.len()]>) -> CellMark {
        CellMark {
            scenario,
            state: CELL_FINISHED,
            minor_faults: 5,
            major_faults: 2,
            has_usage: true,
            io,
            ..CellMark::default()
        }
    }

    fn scenarios(cells: Vec<CellMark>) -> Vec<ScenarioRecord> {
        let marks = Marks {
            scenarios: vec!["a".to_owned(), "b".to_owned()],
            cells,
            ..Marks::default()
        };
        let disk = Disk {
            device: Some(1),
            ..Disk::default()
        };
        let counting: Vec<Counting> = chosen(&disk, IoAccounting::Kept)
            .iter()
            .map(|chosen| Counting {
                metric: chosen.plan.metric,
                probe: chosen.probe,
                reason: chosen.reason(),
            })
            .collect();
        let mut found = aggregate::scenarios(&marks, &rows(&marks), &counting);
        complete(&marks, &mut found);
        found
    }

    #[test]
    fn accounts_become_counts_and_all_other_metrics_need_root() {
        let found = scenarios(vec![cell(0, Some([9, 8, 7, 6, 4096, 5, 4]))]);
        let counts = &found[0].counts;
        assert_eq!(counts["faults"].value, Some(7));
        assert_eq!(
            (counts["faults"].by["minor"], counts["faults"].by["major"]),
            (5, 2)
        );
        assert_eq!(counts["block_read_bytes"].value, Some(4096));
        assert_eq!(found[0].observed["proc_io"].by["rchar"], 9);
        for (key, count) in counts {
            if !["faults", "block_read_bytes"].contains(&key.as_str()) {
                assert_eq!(count.value, None, "{key}");
                let reason = count.reason.as_deref().unwrap();
                assert!(reason.contains("needs root: "), "{key}: {reason}");
            }
        }
    }

    #[test]
    fn device_reads_of_overlapping_scenarios_are_null() {
        let found = scenarios(vec![
            cell(0, Some([0; 7])),
            cell(1, None),
            cell(1, Some([0; 7])),
        ]);
        assert_eq!(found[0].counts["block_read_bytes"].value, Some(0));
        let mixed = &found[1].counts["block_read_bytes"];
        assert_eq!(mixed.value, None);
        assert!(mixed.reason.as_deref().unwrap().contains("overlapped"));
        assert!(!found[1].observed.contains_key("proc_io"));
    }

    #[test]
    fn counts_of_a_round_without_an_account_are_null_and_not_zero() {
        let mut without = cell(0, None);
        without.has_usage = false;
        let found = scenarios(vec![cell(0, Some([0; 7])), without]);
        let faults = &found[0].counts["faults"];
        assert_eq!(
            (faults.value, faults.reason.as_deref()),
            (None, Some(UNACCOUNTED))
        );
    }

    #[test]
    fn faults_are_not_compared_with_the_account_that_they_come_from() {
        let found = scenarios(vec![cell(0, Some([0; 7]))]);
        assert!(!found[0].observed.contains_key("rusage_minor_faults"));
        assert!(found[0].observed.contains_key("rusage_user_us"));
    }

    #[test]
    fn counts_of_single_roles_are_null_and_not_zero() {
        let mut both = cell(0, Some([0; 7]));
        both.roles = Role::Main.bit() | Role::Sender.bit();
        let found = scenarios(vec![both]);
        assert_eq!(found[0].counts["faults"].value, Some(7));
        for role in ["main", "sender"] {
            let faults = &found[0].roles[role]["faults"];
            assert_eq!(
                (faults.value, faults.reason.as_deref()),
                (None, Some(ADDED_UP))
            );
        }
    }
}
