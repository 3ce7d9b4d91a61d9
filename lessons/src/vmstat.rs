//! What the memory management of the whole machine has counted since boot: `/proc/vmstat`.

use std::fs;

/// One of the counters, or `None` where the kernel does not have it.
pub(crate) fn count(name: &str) -> Option<u64> {
    let text = fs::read_to_string("/proc/vmstat").ok()?;
    parse(&text, name)
}

fn parse(text: &str, name: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
    text.lines().find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_among_similar_names() {
        let text = "thp_split_pmd 3\nthp_collapse_alloc_failed 5\nthp_collapse_alloc 8\n";
        assert_eq!(parse(text, "thp_collapse_alloc"), Some(8));
        assert_eq!(parse(text, "thp_collapse"), None);
    }
}
