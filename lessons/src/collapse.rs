//! `khugepaged`: the kernel thread that collapses small pages into huge ones in its own time.
//!
//! On Linux 7.3 it also collapses files that are mapped for stores: in the middle of a lesson, their small
//! folios become one of 2 MiB, and a store then dirties 2 MiB instead of one page.

use std::thread;
use std::time::Duration;

use crate::vmstat;

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
        Collapses(vmstat::count("thp_collapse_alloc"))
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
