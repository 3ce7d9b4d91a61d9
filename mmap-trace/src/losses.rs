//! What is known to be missing from a run. Zero is said, not left out.

use mmap_trace_ebpf::counters::Counter;

use crate::{
    attach::{load::Won, programs::BASE},
    record::{Losses, ScenarioRecord, SignalRecord, SignalState},
    session::membership::Membership,
    skips::Misses,
    snapshot::CellSums,
};

/// The sums of a run.
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
        unclassified_bytes: of(&[
            Counter::LostPathRead,
            Counter::LostPathWritten,
            Counter::LostDirect,
        ]),
        attribution_collisions: of(&[Counter::LostTasks, Counter::LostInodes]),
        recursion_misses: misses.values().sum(),
    }
}

/// Makes unreliable what a skipped program would have counted, and everything if a member was lost.
pub fn mark(
    won: &[Won],
    membership: Membership,
    losses: &Losses,
    misses: &Misses,
    signals: &mut [SignalRecord],
    scenarios: &mut [ScenarioRecord],
) {
    let of = |name: &str| misses.get(name).copied().unwrap_or(0);
    let base: u64 = BASE.iter().map(|program| of(program.name)).sum();
    let members = match membership {
        Membership::Namespace(_) => 0,
        Membership::Table => losses.attribution_collisions,
    };
    for (won, record) in won.iter().zip(signals) {
        let Some(way) = won.way else { continue };
        let own: u64 = way.programs.iter().map(|program| of(program.name)).sum();
        spoil(record, scenarios, own + base + members);
    }
}

/// Rings that a kernel thread polls, wherever they were made.
pub fn polled_rings<'a>(rows: impl IntoIterator<Item = &'a CellSums>) -> u64 {
    let sums = rows.into_iter().flatten();
    sums.map(|sums| sums.get(Counter::LostPolledRings)).sum()
}

/// Makes all bytes unreliable if a kernel thread polled a ring: whoever stores a request in it makes no
/// call, so nobody can say in which scenario that was.
pub fn mark_polled(
    rings: u64,
    won: &[Won],
    signals: &mut [SignalRecord],
    scenarios: &mut [ScenarioRecord],
) {
    for (won, record) in won.iter().zip(signals) {
        if won.way.is_some() && won.plan.signal.losses().contains(&Counter::LostCalls) {
            spoil(record, scenarios, rings);
        }
    }
}

fn spoil(record: &mut SignalRecord, scenarios: &mut [ScenarioRecord], lost: u64) {
    if lost == 0 {
        return;
    }
    record.lost += lost;
    record.state = SignalState::Lost;
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
        attach::plan::PLAN,
        record::{Count, Counts},
        signals::Signal,
    };

    fn won(signal: Signal) -> Won {
        let plan = PLAN.iter().find(|plan| plan.signal == signal).unwrap();
        Won {
            plan,
            way: plan.ways.first(),
            refused: Vec::new(),
        }
    }

    fn marked(misses: &[(&str, u64)], membership: Membership, losses: Losses) -> Vec<u64> {
        let won = [won(Signal::Faults), won(Signal::BlockRead)];
        let misses = misses
            .iter()
            .map(|(name, n)| ((*name).to_owned(), *n))
            .collect();
        let mut signals: Vec<SignalRecord> = won
            .iter()
            .map(|won| SignalRecord {
                name: won.plan.signal.key().to_owned(),
                state: SignalState::Attached,
                grade: None,
                way: None,
                meaning: None,
                lost: 0,
                reason: None,
                verified_by: Vec::new(),
                unverified: None,
                unwitnessed: None,
            })
            .collect();
        let counts: Counts = signals
            .iter()
            .map(|signal| (signal.name.clone(), Count::default()))
            .collect();
        let mut scenarios = [ScenarioRecord {
            counts,
            ..ScenarioRecord::default()
        }];
        mark(
            &won,
            membership,
            &losses,
            &misses,
            &mut signals,
            &mut scenarios,
        );
        let states: Vec<bool> = signals
            .iter()
            .map(|s| s.state == SignalState::Lost)
            .collect();
        let lost: Vec<u64> = signals.iter().map(|signal| signal.lost).collect();
        assert_eq!(
            states,
            lost.iter().map(|lost| *lost > 0).collect::<Vec<_>>()
        );
        for signal in &signals {
            assert_eq!(scenarios[0].counts[&signal.name].lost, signal.lost);
        }
        lost
    }

    #[test]
    fn a_skipped_program_makes_the_signals_of_its_way_unreliable_and_no_other() {
        let none = Losses::default();
        let members = Membership::Namespace(1);
        assert_eq!(marked(&[], members, none), [0, 0]);
        assert_eq!(marked(&[("bio_queue", 3)], members, none), [0, 3]);
        assert_eq!(marked(&[("process_fork", 2)], members, none), [2, 2]);
    }

    #[test]
    fn a_lost_member_makes_everything_unreliable() {
        let losses = Losses {
            attribution_collisions: 5,
            ..Losses::default()
        };
        assert_eq!(marked(&[], Membership::Table, losses), [5, 5]);
        assert_eq!(marked(&[], Membership::Namespace(1), losses), [0, 0]);
    }
}
