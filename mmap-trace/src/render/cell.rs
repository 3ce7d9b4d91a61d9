//! One number of a table, and the signs that qualify it.

use crate::record::Count;
use crate::text::number::thousands;

/// In place of a number that was not counted.
pub(super) const NOT_COUNTED: &str = "n/a";
/// Before the median of rounds that differ.
pub(super) const ROUNDS_DIFFER: char = '~';
/// Before a number from which something is missing.
pub(super) const LOST: char = '?';

pub(super) fn count(count: Option<&Count>) -> String {
    let Some(Count {
        value: Some(value),
        min,
        max,
        lost,
        ..
    }) = count
    else {
        return NOT_COUNTED.to_owned();
    };
    let mut text = String::new();
    if *lost > 0 {
        text.push(LOST);
    }
    if min.is_some() || max.is_some() {
        text.push(ROUNDS_DIFFER);
    }
    text.push_str(&thousands(*value));
    text
}

pub(super) fn part(count: Option<&Count>, part: &str) -> String {
    count
        .filter(|count| count.value.is_some())
        .and_then(|count| count.by.get(part))
        .map_or(NOT_COUNTED.to_owned(), |number| thousands(*number))
}

/// Whether any round counted or lost something.
pub(super) fn is_something(count: &Count) -> bool {
    [count.value, count.min, count.max]
        .into_iter()
        .flatten()
        .any(|number| number > 0)
        || count.lost > 0
}

/// Nanoseconds as milliseconds.
pub(super) fn milliseconds(ns: u64) -> String {
    let us = ns / 1_000 + u64::from(ns % 1_000 >= 500);
    format!("{}.{:03}", thousands(us / 1_000), us % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_before_a_number_qualify_it() {
        let number = |value, min, lost| Count {
            value,
            min,
            lost,
            ..Count::default()
        };
        let shown = |counted: Count| count(Some(&counted));
        assert_eq!(shown(number(Some(1_000), None, 0)), "1,000");
        assert_eq!(shown(number(Some(1_000), Some(7), 0)), "~1,000");
        assert_eq!(shown(number(Some(1_000), Some(7), 3)), "?~1,000");
        assert_eq!(shown(number(None, None, 3)), "n/a");
        assert_eq!(count(None), "n/a");
    }

    #[test]
    fn milliseconds_keep_microseconds_and_round() {
        assert_eq!(milliseconds(12_345_678), "12.346");
        assert_eq!(milliseconds(499), "0.000");
        assert_eq!(milliseconds(1_234_000_000_000), "1,234,000.000");
    }
}
