//! A process that belongs to no scenario: it does something before they begin, and then sleeps.

use std::io::Write;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid, pause};

use crate::shared::Shared;
use crate::turn::Turn;

/// Another process of the lesson, outside every scenario.
///
/// It runs its body while the lesson prepares, keeps what the body made, and then sleeps until this is
/// dropped. So nothing that it does is counted.
pub struct SideProcess {
    process: Pid,
    report: Shared<Report>,
}

#[derive(Default)]
struct Report {
    /// Raised when the body is over, whether it succeeded or failed.
    done: Turn,
    has_succeeded: AtomicU64,
    value: AtomicU64,
}

impl SideProcess {
    /// Forks, and waits until `body` is over. The process keeps what `body` makes; the number is
    /// available to the lesson as [`value`](Self::value).
    pub(crate) fn start<T>(body: impl FnOnce() -> Result<(T, u64)>) -> Result<Self> {
        let report = Shared::<Report>::new()?;
        let parent = getpid();
        // SAFETY: the lesson has one thread, so the child may do whatever the parent might.
        let forked = unsafe { fork() }.context("fork")?;
        let ForkResult::Parent { child } = forked else {
            live(parent, &report, body);
        };
        let side = SideProcess {
            process: child,
            report,
        };
        side.report.done.wait_for(1)?;
        // It has reported the reason on stderr.
        anyhow::ensure!(
            side.report.has_succeeded.load(Relaxed) == 1,
            "the side process has failed"
        );
        Ok(side)
    }

    #[must_use]
    pub fn pid(&self) -> Pid {
        self.process
    }

    /// The number that its body returned.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.report.value.load(Relaxed)
    }
}

impl Drop for SideProcess {
    fn drop(&mut self) {
        // Until it is waited for, a child keeps its process id, if only as a zombie.
        let _ = kill(self.process, Signal::SIGKILL);
        let _ = waitpid(self.process, None);
    }
}

/// Runs the child's whole life. It never returns into the lesson, so no destructor of the parent runs twice.
fn live<T>(parent: Pid, report: &Report, body: impl FnOnce() -> Result<(T, u64)>) -> ! {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // The kernel sends no signal for a parent that died before the call above.
    if getppid() == parent {
        let kept = body();
        match &kept {
            Ok((_, value)) => {
                report.value.store(*value, Relaxed);
                report.has_succeeded.store(1, Relaxed);
            }
            Err(error) => {
                let text = format!("error: side process: {error:#}\n");
                let _ = std::io::stderr().write_all(text.as_bytes());
            }
        }
        // If the wake-up fails, the parent stops waiting after a while and reports it.
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
        let side = SideProcess::start(|| {
            let kept = Box::new(7_u64);
            let place = std::ptr::from_ref(&*kept).addr() as u64;
            Ok((kept, place))
        })
        .expect("a process");
        assert_ne!(side.value(), 0);
        let process = side.pid();
        assert!(kill(process, None).is_ok());
        drop(side);
        assert!(kill(process, None).is_err());
    }

    #[test]
    fn a_body_that_fails_is_an_error() {
        let failing = || -> Result<((), u64)> { anyhow::bail!("on purpose") };
        assert!(SideProcess::start(failing).is_err());
    }
}
