//! A process that stands beside the scenarios: it does something before they begin, and then sleeps.

use std::io::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pause};

use crate::shared::Shared;
use crate::turn::Turn;

/// Another process of the lesson, that belongs to no scenario.
///
/// It runs its body while the lesson prepares, and keeps what the body made; from then on it sleeps, so
/// that nothing of it is counted. It is gone when this is dropped.
pub struct Beside {
    process: Pid,
    report: Shared<Report>,
}

#[derive(Default)]
struct Report {
    /// Raised when the body is through, well or badly.
    done: Turn,
    is_well: AtomicU64,
    value: AtomicU64,
}

impl Beside {
    /// Forks, and waits until `body` is through. What it makes is kept; the number is for the lesson.
    pub(crate) fn start<T>(body: impl FnOnce() -> Result<(T, u64)>) -> Result<Self> {
        let report = Shared::<Report>::new()?;
        let parent = getpid();
        // SAFETY: the lesson has one thread, so the child may do whatever the parent might.
        let forked = unsafe { fork() }.context("fork")?;
        let ForkResult::Parent { child } = forked else {
            live(parent, &report, body);
        };
        let beside = Beside {
            process: child,
            report,
        };
        beside.report.done.wait_for(1)?;
        // It has said why on stderr.
        anyhow::ensure!(
            beside.report.is_well.load(Relaxed) == 1,
            "the process beside the scenarios has failed"
        );
        Ok(beside)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process
    }

    /// The number that its body gave.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.report.value.load(Relaxed)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // A child of our own that was not waited for exists, if only as a zombie.
        let _ = kill(self.process, Signal::SIGKILL);
        let _ = waitpid(self.process, None);
    }
}

/// The child's whole life. It never returns into the lesson, so no destructor of the parent runs twice.
fn live<T>(parent: Pid, report: &Report, body: impl FnOnce() -> Result<(T, u64)>) -> ! {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // A parent that died before the call above will not be reported any more.
    if getppid() == parent {
        let kept = body();
        match &kept {
            Ok((_, value)) => {
                report.value.store(*value, Relaxed);
                report.is_well.store(1, Relaxed);
            }
            Err(error) => {
                let text = format!("error: beside the scenarios: {error:#}\n");
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
        }
        // If nobody can be woken any more, the parent's patience ends.
        if report.done.raise().is_ok() && kept.is_ok() {
            loop {
                pause();
            }
        }
    }
    // SAFETY: ends the process without running the parent's exit handlers.
    unsafe { libc::_exit(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_what_its_body_made_until_it_is_dropped() {
        let beside = Beside::start(|| {
            let kept = Box::new(7_u64);
            let place = std::ptr::from_ref(&*kept).addr() as u64;
            Ok((kept, place))
        })
        .expect("a process");
        assert_ne!(beside.value(), 0);
        let process = beside.pid();
        assert!(kill(process, None).is_ok());
        drop(beside);
        assert!(kill(process, None).is_err());
    }

    #[test]
    fn a_body_that_fails_is_an_error() {
        assert!(Beside::start(|| -> Result<((), u64)> { anyhow::bail!("on purpose") }).is_err());
    }
}
