//! One number of a table, and the signs that tell what to think of it.

use crate::record::Count;
use crate::text::number::thousands;

/// Stands where nothing was counted.
pub(super) const NOT_COUNTED: &str = "n/a";
/// Stands before the median of rounds that differ.
pub(super) const ROUNDS_DIFFER: char = '~';
/// Stands before a number of which something was lost.
pub(super) const LOST: char = '?';

/// The text of a count.
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

/// The text of a part of a count.
pub(super) fn part(count: Option<&Count>, part: &str) -> String {
    count
        .filter(|count| count.value.is_some())
        .and_then(|count| count.by.get(part))
        .map_or(NOT_COUNTED.to_owned(), |number| thousands(*number))
}

/// Whether there is anything to see: a number other than 0, in any round.
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
    fn a_number_shows_what_to_think_of_it() {
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
