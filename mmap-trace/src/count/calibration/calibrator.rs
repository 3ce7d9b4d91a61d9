//! The calibrator, a process of its own that runs every step of the calibration and exits.

use std::os::fd::{AsFd as _, OwnedFd};

use nix::sys::resource::{Resource, setrlimit};

use super::{bench::Bench, steps::STEPS};

/// The cell of a step. It is cleared before the lesson uses it.
#[must_use]
pub fn cell_of(step: usize) -> usize {
    step + 1
}

/// Runs every step, and records why one cannot be run.
pub fn run(page: &OwnedFd, directory: &OwnedFd) -> nix::Result<()> {
    // On a full disk, a store into a shared mapping raises SIGBUS; that must leave no core dump behind.
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
