//! `khugepaged`: the kernel thread that collapses small pages into huge ones in its own time.
//!
//! On Linux 7.3 it also collapses files that are mapped for stores: in the middle of a lesson, their small
//! folios become one of 2 MiB, and a store then dirties 2 MiB instead of one page.

use std::fs;
use std::thread;
use std::time::Duration;

/// The thread counts a huge page when it allocates it (`alloc_charge_folio`), and copies and unmaps the
/// small pages after that, which takes a few ms without virtualization.
const WORK: Duration = Duration::from_millis(50);

/// Waits after which a lesson goes on even though the thread is still busy.
const MOST_WAITS: usize = 10;

/// How many huge pages it has made on this machine, or `None` where the kernel does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collapses(pub(crate) Option<u64>);

impl Collapses {
    pub(crate) fn now() -> Self {
        let text = fs::read_to_string("/proc/vmstat").ok();
        Collapses(text.as_deref().and_then(parse))
    }

    /// The number once everything that was begun after `since` is finished.
    pub(crate) fn settled(since: Self) -> Self {
        let mut known = since;
        for _ in 0..MOST_WAITS {
            let now = Self::now();
            if now == known {
                break;
            }
            known = now;
            thread::sleep(WORK);
        }
        known
    }
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
    fn the_counter_is_found_among_similar_names() {
        let text = "thp_split_pmd 3\nthp_collapse_alloc 8\nthp_collapse_alloc_failed 5\n";
        assert_eq!(parse(text), Some(8));
        assert_eq!(parse("thp_collapse_alloc_failed 5\n"), None);
    }
}
