//! Where in the file the updates fall, in an order that neither readahead nor an I/O scheduler can guess.

use lessons::data::mix;
use lessons::page_bytes;

/// Bytes of one update: a counter, a pointer, a price.
pub(crate) const UPDATE_BYTES: usize = 8;

/// Each update of a page gets a slot of its own, so updates do not overlap while slots are left.
const SLOT_BYTES: usize = 64;

/// Length of the stretches of which one page each is updated.
const STRETCH_PAGES: usize = 64;

#[derive(Clone, Copy)]
pub(crate) enum Places {
    /// Every page this many times, each time in another slot.
    EveryPage { times: usize },
    /// One page of each stretch.
    Scattered,
    /// One page in the middle of the file.
    One,
}

impl Places {
    /// Offsets of all updates, in a random order that is the same in every run.
    pub(crate) fn offsets(self, pages: usize) -> Vec<usize> {
        let mut offsets: Vec<usize> = match self {
            Places::EveryPage { times } => (0..pages * times)
                .map(|update| offset(update / times, update % times))
                .collect(),
            Places::Scattered => (0..pages)
                .step_by(STRETCH_PAGES)
                .map(|first| {
                    let stretch = STRETCH_PAGES.min(pages - first);
                    offset(first + random(first, stretch), 0)
                })
                .collect(),
            Places::One => vec![offset(pages / 2, 0)],
        };
        shuffle(&mut offsets);
        offsets
    }

    /// Number of pages that are updated.
    pub(crate) fn pages(self, pages: usize) -> usize {
        match self {
            Places::EveryPage { .. } => pages,
            Places::Scattered => pages.div_ceil(STRETCH_PAGES),
            Places::One => 1,
        }
    }
}

fn offset(page: usize, slot: usize) -> usize {
    page * page_bytes() + slot * SLOT_BYTES
}

/// Shuffles by the method of Fisher and Yates, which makes every order equally likely.
fn shuffle(offsets: &mut [usize]) {
    for place in (1..offsets.len()).rev() {
        offsets.swap(place, random(place, place + 1));
    }
}

/// A number below `limit` that depends on `seed` alone.
fn random(seed: usize, limit: usize) -> usize {
    (mix(seed as u64) % limit as u64) as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn updates_do_not_overlap_and_lie_in_the_file() {
        for pages in [1, 2, 63, 64, 65, 256] {
            for places in [
                Places::EveryPage { times: 1 },
                Places::EveryPage { times: 64 },
                Places::Scattered,
                Places::One,
            ] {
                let offsets = places.offsets(pages);
                let unique: BTreeSet<_> = offsets.iter().collect();
                assert_eq!(unique.len(), offsets.len());
                let last = offsets.iter().max().expect("there is one");
                assert!(last + UPDATE_BYTES <= pages * page_bytes());
                let touched: BTreeSet<_> =
                    offsets.iter().map(|offset| offset / page_bytes()).collect();
                assert_eq!(touched.len(), places.pages(pages));
            }
        }
    }

    #[test]
    fn the_order_of_updates_is_not_that_of_the_file() {
        let offsets = Places::EveryPage { times: 1 }.offsets(1024);
        let rising = offsets.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((400..624).contains(&rising), "{rising} of 1023 steps rise");
    }
}
