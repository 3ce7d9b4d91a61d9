//! The process that does what is known. It is forked for this, and gone when it is done.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sys::resource::{Resource, setrlimit};

use super::{bench::Bench, steps::STEPS};

/// The cell of a step. Cells are cleared before the lesson gets them.
#[must_use]
pub fn cell_of(step: usize) -> usize {
    step + 1
}

/// Does every step; one that cannot be done is marked so.
pub fn run(page: &OwnedFd, directory: &OwnedFd) -> nix::Result<()> {
    // A full disk ends it by SIGBUS in a shared mapping; that must leave no core in the work directory.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let bench = Bench::new(page.as_fd(), directory.as_fd())?;
    for (number, step) in STEPS.iter().enumerate() {
        let cell = cell_of(number);
        bench.enter(cell);
        if let Err(errno) = (step.run)(&bench) {
            bench.report(cell, errno);
        }
    }
    Ok(())
}
