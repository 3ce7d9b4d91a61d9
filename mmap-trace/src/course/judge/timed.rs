//! Evaluates checks that compare CPU times.
//!
//! A time is an interval. A relation holds if it is true for all times in their intervals, and fails
//! if it is true for none of them; otherwise the check is unobservable.

use super::{
    evaluate::{Evaluation, Truth, value},
    lookup::Place,
};
use crate::course::expression::{
    names::Quantity,
    tree::Expectation,
    value::{Unobservable, Value},
};
use crate::record::{CpuTime, ScenarioRecord};

/// With fewer rounds, no interval between two rounds contains the median with 95 % confidence.
pub const LEAST_ROUNDS: u64 = 7;

/// Evaluates a timed expectation; an error says why the times cannot be compared.
pub(super) fn answer(
    expectation: &Expectation,
    place: &Place<'_>,
) -> Result<Evaluation, Unobservable> {
    require_alternating(expectation, place)?;
    let left = value(&expectation.left.node, place)?;
    let right = value(&expectation.right.node, place)?;
    Ok(Evaluation {
        truth: truth(expectation, left, right),
        left,
        right,
    })
}

fn truth(expectation: &Expectation, left: Value, right: Value) -> Truth {
    let is_true = |left, right| expectation.relation.is_true(left, right);
    match (is_true(left.min, right.max), is_true(left.max, right.min)) {
        (true, true) => Truth::Holds,
        (false, false) => Truth::Fails,
        _ => Truth::Unobservable(Unobservable(format!(
            "the intervals overlap: {} is {left}, {} is {right}",
            expectation.left.text, expectation.right.text
        ))),
    }
}

/// Clock speed and load change within minutes, so only times whose rounds alternated are compared.
fn require_alternating(expectation: &Expectation, place: &Place<'_>) -> Result<(), Unobservable> {
    let mut timed: Vec<(&ScenarioRecord, CpuTime)> = Vec::new();
    for name in expectation.names() {
        if name.quantity == Quantity::CpuTime {
            let scenario = place.scenario(name.scenario.as_deref().unwrap_or(place.scenario))?;
            if scenario.rounds < LEAST_ROUNDS {
                let reason = format!(
                    "a time needs {LEAST_ROUNDS} rounds, and {} has {}",
                    scenario.name, scenario.rounds
                );
                return Err(Unobservable(reason));
            }
            timed.extend(scenario.cpu_time.map(|time| (scenario, time)));
        }
    }
    let begin = timed.iter().max_by_key(|(_, time)| time.first_begin_ns);
    let end = timed.iter().min_by_key(|(_, time)| time.last_end_ns);
    match (begin, end) {
        (Some((late, begin)), Some((early, end))) if begin.first_begin_ns > end.last_end_ns => {
            Err(Unobservable(format!(
                "the rounds of {} and {} do not alternate",
                early.name, late.name
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::samples::{expectation, recording, scenario},
        metrics::Grade,
        record::Recording,
    };

    fn timed(low_us: u64, high_us: u64, first_begin_ns: u64) -> CpuTime {
        CpuTime {
            low_us,
            median_us: low_us.midpoint(high_us),
            high_us,
            first_begin_ns,
            last_end_ns: first_begin_ns + 100,
        }
    }

    /// `read-4k` takes 10 to 20 µs, `mmap-load` as told.
    fn with(other: CpuTime, rounds: u64) -> Recording {
        let mut recording = recording();
        for (name, time) in [("read-4k", timed(10, 20, 1000)), ("mmap-load", other)] {
            let scenario = scenario(&mut recording, name);
            scenario.rounds = rounds;
            scenario.cpu_time = Some(time);
        }
        recording
    }

    fn asked(recording: &Recording, text: &str) -> Result<Truth, String> {
        let place = Place {
            recording,
            scenario: "read-4k",
            least: Grade::Sampled,
        };
        answer(&expectation(text), &place)
            .map(|answer| answer.truth)
            .map_err(|reason| reason.0)
    }

    #[test]
    fn only_intervals_that_do_not_overlap_are_compared() {
        let text = "cpu_us < mmap-load:cpu_us";
        assert_eq!(asked(&with(timed(21, 30, 1050), 7), text), Ok(Truth::Holds));
        assert_eq!(asked(&with(timed(5, 10, 1050), 7), text), Ok(Truth::Fails));
        let overlapping = asked(&with(timed(19, 30, 1050), 7), text);
        let Ok(Truth::Unobservable(reason)) = overlapping else {
            panic!("{overlapping:?}");
        };
        assert!(
            reason.0.contains("cpu_us is 15 (rounds 10..20)"),
            "{reason:?}"
        );
        let far = with(timed(21, 30, 1050), 7);
        assert_eq!(
            asked(&far, "2 * cpu_us > mmap-load:cpu_us + 99"),
            Ok(Truth::Fails)
        );
    }

    #[test]
    fn too_few_rounds_or_rounds_that_do_not_alternate_decide_nothing() {
        let text = "cpu_us < mmap-load:cpu_us";
        let few = asked(&with(timed(21, 30, 1050), 6), text).unwrap_err();
        assert_eq!(few, "a time needs 7 rounds, and read-4k has 6");
        let later = asked(&with(timed(21, 30, 1200), 7), text).unwrap_err();
        assert_eq!(
            later,
            "the rounds of read-4k and mmap-load do not alternate"
        );
    }

    #[test]
    fn a_time_that_was_not_measured_is_unobservable() {
        let mut recording = with(timed(21, 30, 1050), 7);
        scenario(&mut recording, "mmap-load").cpu_time = None;
        let reason = asked(&recording, "cpu_us < mmap-load:cpu_us").unwrap_err();
        assert_eq!(reason, "the CPU time of mmap-load was not measured");
    }
}
