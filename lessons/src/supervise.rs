//! Removes the work directory of an untraced lesson, however the lesson ends.
//!
//! The lesson runs in a child. So neither a crash nor a signal in the middle of a long system call keeps the
//! directory from being removed, and the lesson itself needs no signal handler.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::{Context, anyhow};
use nix::sys::signal::{
    SaFlags, SigAction, SigHandler, SigSet, SigmaskHow, Signal, raise, sigaction, sigprocmask,
};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};
use tempfile::TempDir;

use crate::failure::Failure;

/// Signals by which a user or the system ends a program.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// The child to which signals are forwarded.
static CHILD: AtomicI32 = AtomicI32::new(0);

/// Runs `lesson` in a child with this directory, and removes the directory when the child has ended.
pub(crate) fn inside(
    directory: TempDir,
    lesson: impl FnOnce(PathBuf) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let mut held = SigSet::empty();
    for signal in ENDING {
        held.add(signal);
    }
    mask(SigmaskHow::SIG_BLOCK, &held)?;
    let parent = getpid();
    // SAFETY: no thread has been started, so the child may do whatever the parent might.
    match unsafe { fork() }.context("fork").map_err(Failure::Lesson)? {
        ForkResult::Child => {
            let path = directory.keep();
            // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
            unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
            mask(SigmaskHow::SIG_UNBLOCK, &held)?;
            if getppid() != parent {
                return Err(Failure::Lesson(anyhow!("the supervising process is gone")));
            }
            lesson(path).map(|()| ExitCode::SUCCESS)
        }
        ForkResult::Parent { child } => {
            CHILD.store(child.as_raw(), Ordering::Relaxed);
            forward_signals()?;
            mask(SigmaskHow::SIG_UNBLOCK, &held)?;
            let status = wait(child)?;
            clean_up(directory);
            Ok(end_like(status))
        }
    }
}

fn mask(how: SigmaskHow, signals: &SigSet) -> Result<(), Failure> {
    sigprocmask(how, Some(signals), None)
        .context("sigprocmask")
        .map_err(Failure::Lesson)
}

/// Ctrl-C in a terminal signals both processes, but `kill` only this one.
fn forward_signals() -> Result<(), Failure> {
    let action = SigAction::new(
        SigHandler::Handler(forward),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in ENDING {
        // SAFETY: the handler makes one system call, which is async-signal-safe.
        unsafe { sigaction(signal, &action) }
            .with_context(|| format!("sigaction({signal})"))
            .map_err(Failure::Lesson)?;
    }
    Ok(())
}

extern "C" fn forward(signal: libc::c_int) {
    let child = CHILD.load(Ordering::Relaxed);
    // SAFETY: kill(2) is async-signal-safe. The handlers are installed only after CHILD is set, and until
    // the child is reaped the number belongs to no other process.
    unsafe { libc::kill(child, signal) };
}

fn wait(child: Pid) -> Result<WaitStatus, Failure> {
    waitpid(child, None)
        .context("waitpid")
        .map_err(Failure::Lesson)
}

fn clean_up(directory: TempDir) {
    let path = directory.path().to_owned();
    if let Err(error) = directory.close() {
        // The exit code says how the lesson ended, so this is only a warning.
        let _ = writeln!(
            std::io::stderr(),
            "warning: cannot remove {}: {error}; remove it yourself",
            path.display()
        );
    }
}

/// Ends as the child did, because a shell treats an interrupted program unlike one that failed.
fn end_like(status: WaitStatus) -> ExitCode {
    match status {
        WaitStatus::Exited(_, code) => ExitCode::from(code.to_le_bytes()[0]),
        WaitStatus::Signaled(_, signal, _) => {
            let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
            // SAFETY: this restores the default action and installs no handler.
            let restored = unsafe { sigaction(signal, &default) };
            if ENDING.contains(&signal) && restored.is_ok() {
                // If the signal does not end us, the exit code below tells the same.
                let _ = raise(signal);
            } else {
                let _ = writeln!(
                    std::io::stderr(),
                    "error: the lesson was killed by {signal}"
                );
            }
            ExitCode::from(128 + signal as u8)
        }
        _ => ExitCode::FAILURE,
    }
}
