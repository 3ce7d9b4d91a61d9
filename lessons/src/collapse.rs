//! `khugepaged`: a kernel thread that makes huge pages of small ones, when it likes.
//!
//! On Linux 7.3 it was seen to do so with files that are mapped for stores: their small folios become one of
//! 2 MiB in the middle of a lesson, and a store then makes 2 MiB dirty where it made a page dirty before.

use std::fs;
use std::thread;
use std::time::Duration;

/// It counts a huge page when it takes the memory for it (`alloc_charge_folio`), and copies and unmaps the
/// small ones after that; natively within a few ms.
const WORK: Duration = Duration::from_millis(50);

/// How often one is waited for; a machine on which it is busy all the time is not waited for any longer.
const PATIENCE: usize = 10;

/// How often it has done so on this machine; `None` where the kernel does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Collapses(pub(crate) Option<u64>);

impl Collapses {
    /// By now.
    pub(crate) fn now() -> Self {
        let text = fs::read_to_string("/proc/vmstat").ok();
        Collapses(text.as_deref().and_then(parse))
    }

    /// The same, once what had begun `since` is over.
    pub(crate) fn settled(since: Self) -> Self {
        let mut known = since;
        for _ in 0..PATIENCE {
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
    fn the_counter_is_told_from_its_neighbours() {
        let text = "thp_split_pmd 3\nthp_collapse_alloc 8\nthp_collapse_alloc_failed 5\n";
        assert_eq!(parse(text), Some(8));
        assert_eq!(parse("thp_collapse_alloc_failed 5\n"), None);
    }
}
