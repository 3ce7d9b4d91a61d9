//! Evaluates an expectation on a Recording.
//!
//! It must hold for the median, the smallest and the largest round of every count. Parts of a count
//! and observations are known for one round only, so an expectation that uses one and holds for some
//! of the three is unobservable: each round may agree with its own value. The same is true of a run
//! that did not finish, where one round may be half done.

use super::lookup::Place;
use crate::course::expression::{
    tree::{Expectation, Node},
    value::{Rounds, Unobservable, Value},
};

/// The values of both sides, and whether they relate as expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether the expectation holds.
    pub truth: Truth,
    /// The left-hand side.
    pub left: Value,
    /// The right-hand side.
    pub right: Value,
}

impl Answer {
    /// The relation and the value of the right-hand side, with its text unless that is a literal.
    #[must_use]
    pub fn expected(&self, asked: &Expectation) -> String {
        let (sign, right) = (asked.relation.sign(), self.right);
        if asked.right.is_literal() {
            format!("{sign} {right}")
        } else {
            format!("{sign} {right}  ({})", asked.right.text)
        }
    }
}

/// Whether an expectation holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// In every round.
    Holds,
    /// Not in every round.
    Fails,
    /// This run cannot tell.
    Unobservable(Unobservable),
}

/// Evaluates `expectation`; the error says why one side has no value.
pub fn answer(expectation: &Expectation, place: &Place<'_>) -> Result<Answer, Unobservable> {
    let left = value(&expectation.left.node, place)?;
    let right = value(&expectation.right.node, place)?;
    Ok(Answer {
        truth: truth(expectation, left, right, place),
        left,
        right,
    })
}

fn truth(expectation: &Expectation, left: Value, right: Value, place: &Place<'_>) -> Truth {
    let holds = [
        (left.median, right.median),
        (left.min, right.min),
        (left.max, right.max),
    ]
    .map(|(left, right)| expectation.relation.is_true(left, right));
    if holds == [true; 3] {
        return Truth::Holds;
    }
    let is_mixed = holds != [false; 3];
    let is_of_one_round = left.rounds == Rounds::One || right.rounds == Rounds::One;
    if is_mixed && is_of_one_round {
        let reason = format!(
            "rounds differ ({} is {left}, {} is {right}), and some numbers here are known for one round only",
            expectation.left.text, expectation.right.text
        );
        return Truth::Unobservable(Unobservable(reason));
    }
    if is_mixed && place.recording.incomplete.is_some() {
        let reason = "the run did not finish, and its rounds differ".to_owned();
        return Truth::Unobservable(Unobservable(reason));
    }
    Truth::Fails
}

/// Requires that `need` is true; the error shows its values.
pub(super) fn require(need: &Expectation, place: &Place<'_>) -> Result<(), Unobservable> {
    let answer = answer(need, place)?;
    match answer.truth {
        Truth::Holds => Ok(()),
        Truth::Unobservable(reason) => Err(reason),
        Truth::Fails => Err(Unobservable(format!(
            "it needs {}, which here is {} {} {}",
            need.text,
            answer.left,
            need.relation.sign(),
            answer.right
        ))),
    }
}

/// The value of a tree.
pub(super) fn value(node: &Node, place: &Place<'_>) -> Result<Value, Unobservable> {
    match node {
        Node::Number(number) => Ok(Value::constant(*number)),
        Node::Name(name) => place.value(name),
        Node::Pair(left, operation, right) => {
            value(left, place)?.combine(value(right, place)?, *operation)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        course::samples::{count, expectation, recording, scenario},
        metrics::Grade,
        record::Recording,
    };

    fn asked(recording: &Recording, text: &str, least: Grade) -> Result<Answer, String> {
        let place = Place {
            recording,
            scenario: "read-4k",
            least,
        };
        answer(&expectation(text), &place).map_err(|reason| reason.0)
    }

    fn truth_of(recording: &Recording, text: &str) -> Truth {
        asked(recording, text, Grade::Sampled).unwrap().truth
    }

    fn reason(recording: &Recording, text: &str) -> String {
        asked(recording, text, Grade::Sampled).unwrap_err()
    }

    #[test]
    fn both_sides_are_shown_with_their_values() {
        let recording = recording();
        let ask = |text| {
            let answer = asked(&recording, text, Grade::Sampled).unwrap();
            let expected = answer.expected(&expectation(text));
            (answer.truth, expected, answer.left.to_string())
        };
        let (truth, expected, observed) = ask("copied_to_user_bytes == work.bytes");
        assert_eq!(truth, Truth::Holds);
        assert_eq!(expected, "== 67,108,864  (work.bytes)");
        assert_eq!(observed, "67,108,864");
        let (truth, expected, observed) = ask("syscalls.read < 3");
        assert_eq!(truth, Truth::Fails);
        assert_eq!((expected.as_str(), observed.as_str()), ("< 3", "16,384"));
    }

    #[test]
    fn every_kind_of_name_has_its_value() {
        let recording = recording();
        for text in [
            "work.pages == 16384",
            "work.operations == div_up(work.bytes, 4KiB)",
            "rounds == 1",
            "mmap-load:rounds == 3",
            "machine.page_bytes == 4096",
            "machine.fault_around_bytes == 64KiB",
            "machine.readahead_bytes == 128KiB",
            "observed.resident_pages_before == 16384",
            "mmap-load:observed.sum == 0 - 5",
            "mmap-load:faults.kernel == 4",
            "copied_to_user_bytes.pipe == 0",
            "max(faults, 3) - min(2, 9) == 1",
        ] {
            assert_eq!(truth_of(&recording, text), Truth::Holds, "{text}");
        }
    }

    #[test]
    fn a_missing_count_gives_its_reason_and_never_zero() {
        let mut recording = recording();
        assert_eq!(
            reason(&recording, "pages_mapped_around == 0"),
            "pages_mapped_around: the tracepoint filemap:mm_filemap_map_pages does not exist here"
        );
        assert_eq!(
            reason(&recording, "role.sender.faults == 0"),
            "read-4k has no role sender"
        );
        assert_eq!(
            reason(&recording, "read-8k:faults == 0"),
            "the scenario read-8k was not run"
        );
        assert_eq!(
            reason(&recording, "observed.pss == 0"),
            "read-4k did not observe pss"
        );
        scenario(&mut recording, "mmap-load").rounds = 0;
        assert_eq!(
            reason(&recording, "mmap-load:work.bytes == 0"),
            "the scenario mmap-load was not finished"
        );
        recording.machine.readahead_bytes = None;
        assert!(
            reason(&recording, "machine.readahead_bytes == 0").contains("could not be measured")
        );
    }

    #[test]
    fn a_loss_makes_a_count_unobservable_and_its_parts_too() {
        let mut recording = recording();
        count(&mut recording, "read-4k", "copied_to_user_bytes").lost = 1_200;
        for text in [
            "copied_to_user_bytes == work.bytes",
            "copied_to_user_bytes.pipe == 0",
        ] {
            assert_eq!(reason(&recording, text), "copied_to_user_bytes: lost 1,200");
        }
    }

    #[test]
    fn a_part_that_the_probe_does_not_tell_is_unobservable() {
        let mut recording = recording();
        count(&mut recording, "read-4k", "copied_to_user_bytes")
            .by
            .remove("process");
        assert_eq!(
            reason(&recording, "copied_to_user_bytes.process == 0"),
            "copied_to_user_bytes: the probe sys_exit does not tell the part process"
        );
        let by = &mut count(&mut recording, "read-4k", "faults").by;
        by.insert("unclassified".to_owned(), 2);
        assert_eq!(
            reason(&recording, "faults.cow == 0"),
            "faults: 2 write faults are unclassified"
        );
    }

    #[test]
    fn a_count_of_a_lower_grade_than_the_claim_asks_decides_nothing() {
        let mut recording = recording();
        let text = "copied_to_user_bytes == work.bytes";
        assert!(asked(&recording, text, Grade::Inferred).is_ok());
        assert_eq!(
            asked(&recording, text, Grade::CrossChecked).unwrap_err(),
            "copied_to_user_bytes is inferred here, by sys_exit; this needs cross-checked"
        );
        recording.metrics.clear();
        assert!(asked(&recording, text, Grade::Inferred).is_err());
    }

    #[test]
    fn division_by_zero_and_overflow_are_unobservable() {
        let recording = recording();
        assert!(reason(&recording, "1 / faults == 0").contains("divides by zero"));
        let huge = format!("{} == 0", ["work.bytes"; 6].join(" * "));
        assert!(reason(&recording, &huge).contains("128 bits"));
    }

    fn with_rounds(min: u64, median: u64, max: u64) -> Recording {
        let mut recording = recording();
        scenario(&mut recording, "read-4k").rounds = 3;
        let faults = count(&mut recording, "read-4k", "faults");
        faults.value = Some(median);
        faults.min = Some(min);
        faults.max = Some(max);
        recording
    }

    #[test]
    fn an_expectation_must_hold_in_every_round() {
        let recording = with_rounds(2, 2, 9);
        assert_eq!(truth_of(&recording, "faults >= 2"), Truth::Holds);
        assert_eq!(truth_of(&recording, "faults == 2"), Truth::Fails);
        assert_eq!(truth_of(&recording, "faults != 9"), Truth::Fails);
        let shown = asked(&recording, "faults == 2", Grade::Sampled)
            .unwrap()
            .left;
        assert_eq!(shown.to_string(), "2 (rounds 2..9)");
    }

    #[test]
    fn a_value_of_one_round_does_not_refute_other_rounds() {
        let mut recording = with_rounds(2, 3, 9);
        let observed = &mut scenario(&mut recording, "read-4k").observed;
        observed.get_mut("rusage_minor_faults").unwrap().value = Some(3);
        let text = "faults == observed.rusage_minor_faults";
        let Truth::Unobservable(reason) = truth_of(&recording, text) else {
            panic!("rounds 2 and 9 may have had 2 and 9 minor faults");
        };
        assert!(reason.0.contains("faults is 3 (rounds 2..9)"), "{reason:?}");
        let text = "faults > 10 + observed.rusage_minor_faults";
        assert_eq!(truth_of(&recording, text), Truth::Fails);
    }

    #[test]
    fn an_unfinished_round_refutes_nothing() {
        let mut recording = with_rounds(2, 2, 9);
        recording.incomplete = Some("it was ended".to_owned());
        assert!(matches!(
            truth_of(&recording, "faults == 2"),
            Truth::Unobservable(_)
        ));
        assert_eq!(truth_of(&recording, "faults == 1"), Truth::Fails);
    }
}
