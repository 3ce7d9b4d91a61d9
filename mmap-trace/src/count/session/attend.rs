//! What the tracer does for a lesson while it runs: shows its progress, and answers its PFN lookups.

use std::{rc::Rc, time::Duration};

use nix::unistd::Pid;

use super::{page::Page, pfn_lookup::PfnLookup, progress::Progress};

/// Called at intervals while the tracer waits.
pub struct Attendant {
    progress: Option<Progress>,
    pfn_lookup: PfnLookup,
}

impl Attendant {
    /// Serves the descendants of a process.
    #[must_use]
    pub fn new(page: &Rc<Page>, ancestor: Pid) -> Self {
        Attendant {
            progress: Progress::new(Rc::clone(page)),
            pfn_lookup: PfnLookup::open(Rc::clone(page), ancestor),
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
