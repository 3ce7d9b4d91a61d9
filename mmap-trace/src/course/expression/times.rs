//! Expectations about CPU time, and what they can ask.

use super::{
    names::Quantity,
    tree::{Expectation, Node, Relation},
    value::Arithmetic,
};

/// Whether an expectation names a time.
pub(in crate::course) fn names_a_time(expectation: &Expectation) -> bool {
    expectation
        .names()
        .iter()
        .any(|name| name.quantity == Quantity::CpuTime)
}

/// What is wrong with an expectation of a timed claim.
pub(in crate::course) fn problem(expectation: &Expectation) -> Option<&'static str> {
    let sides = [&expectation.left.node, &expectation.right.node];
    if !sides.iter().all(|side| has_time(side)) {
        return Some("a timed check compares cpu_us with cpu_us of another scenario");
    }
    if matches!(expectation.relation, Relation::Equal | Relation::NotEqual) {
        return Some("two times are never equal; use < <= > or >=");
    }
    if !sides.iter().all(|side| keeps_order(side)) {
        return Some(
            "CPU time is an interval; only + * min and max of numbers that are not negative keep it one",
        );
    }
    None
}

fn has_time(node: &Node) -> bool {
    match node {
        Node::Number(_) => false,
        Node::Name(name) => name.quantity == Quantity::CpuTime,
        Node::Pair(left, _, right) => has_time(left) || has_time(right),
    }
}

/// Whether the ends of an interval stay its ends; a negative factor would swap them.
fn keeps_order(node: &Node) -> bool {
    match node {
        Node::Number(number) => *number >= 0,
        Node::Name(_) => true,
        Node::Pair(left, operation, right) => {
            let is_rising = matches!(
                operation,
                Arithmetic::Add | Arithmetic::Multiply | Arithmetic::Min | Arithmetic::Max
            );
            is_rising && keeps_order(left) && keeps_order(right)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::expression::scope::Scope;

    #[test]
    fn only_an_order_of_two_times_can_be_asked() {
        for (text, hint) in [
            ("cpu_us < 100", "another scenario"),
            ("cpu_us == mmap-load:cpu_us", "never equal"),
            ("cpu_us - 1 < mmap-load:cpu_us", "interval"),
            ("cpu_us / 2 < mmap-load:cpu_us", "interval"),
            ("-2 * cpu_us < mmap-load:cpu_us", "interval"),
        ] {
            let scope = Scope::new(vec!["mmap-load".to_owned()], [].into());
            let problem = problem(&Expectation::parse(text, &scope).unwrap());
            assert!(problem.unwrap().contains(hint), "{text}: {problem:?}");
        }
    }
}
