//! Expectations about CPU time: what a timed check may ask.

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
        return Some("a time is an interval, which only + * min and max leave one");
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

/// Operations under which the ends of an interval stay its ends; nothing here is negative.
fn keeps_order(node: &Node) -> bool {
    match node {
        Node::Number(_) | Node::Name(_) => true,
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

    #[test]
    fn what_is_no_comparison_of_times_is_refused() {
        for (text, hint) in [
            ("cpu_us < 100", "another scenario"),
            ("cpu_us == mmap-load:cpu_us", "never equal"),
            ("cpu_us - 1 < mmap-load:cpu_us", "interval"),
            ("cpu_us / 2 < mmap-load:cpu_us", "interval"),
        ] {
            let problem = problem(&Expectation::parse(text).unwrap());
            assert!(problem.unwrap().contains(hint), "{text}: {problem:?}");
        }
    }
}
