//! What is done for a lesson while it runs: a line that says where it is, and answers to its questions.

use std::{rc::Rc, time::Duration};

use super::{membership::Membership, page::Page, pfn_lookup::PfnLookup, progress::Progress};

/// Looked at while the tracer waits.
pub struct Attendant {
    progress: Option<Progress>,
    pfn_lookup: PfnLookup,
}

impl Attendant {
    /// Attends to the lesson of this page.
    #[must_use]
    pub fn new(page: &Rc<Page>, membership: Membership) -> Self {
        Attendant {
            progress: Progress::new(Rc::clone(page)),
            pfn_lookup: PfnLookup::open(Rc::clone(page), membership),
        }
    }

    /// How long the lesson may be left alone.
    #[must_use]
    pub fn pause(&self) -> Duration {
        self.pfn_lookup.pause()
    }

    /// Looks after it.
    pub fn tick(&mut self) {
        self.pfn_lookup.tick();
        self.progress.iter_mut().for_each(Progress::tick);
    }
}
