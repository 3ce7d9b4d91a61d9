//! What the tracer does for a lesson while it runs: shows its progress, and answers its PFN lookups.

use std::{rc::Rc, time::Duration};

use super::{membership::Membership, page::Page, pfn_lookup::PfnLookup, progress::Progress};

/// Called at intervals while the tracer waits.
pub struct Attendant {
    progress: Option<Progress>,
    pfn_lookup: PfnLookup,
}

impl Attendant {
    #[must_use]
    pub fn new(page: &Rc<Page>, membership: Membership) -> Self {
        Attendant {
            progress: Progress::new(Rc::clone(page)),
            pfn_lookup: PfnLookup::open(Rc::clone(page), membership),
        }
    }

    /// The time until the next [`Self::tick`].
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.pfn_lookup.pause()
    }

    /// Answers and draws what is new.
    pub fn tick(&mut self) {
        self.pfn_lookup.tick();
        self.progress.iter_mut().for_each(Progress::tick);
    }
}
