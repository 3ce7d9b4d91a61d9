//! `khugepaged`: a kernel thread that makes huge pages of small ones, when it likes.
//!
//! On Linux 7.3 it was seen to do so with files that are mapped for stores: their small folios become one of
//! 2 MiB in the middle of a lesson, and a store then makes 2 MiB dirty where it made a page dirty before.

use std::fs;

/// How often it has done so on this machine; `None` where the kernel does not tell.
pub(crate) fn collapses() -> Option<u64> {
    parse(&fs::read_to_string("/proc/vmstat").ok()?)
}

fn parse(text: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix("thp_collapse_alloc "))
        .and_then(|number| number.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_told_from_its_neighbours() {
        let text = "thp_split_pmd 3\nthp_collapse_alloc 8\nthp_collapse_alloc_failed 5\n";
        assert_eq!(parse(text), Some(8));
        assert_eq!(parse("thp_collapse_alloc_failed 5\n"), None);
    }
}
