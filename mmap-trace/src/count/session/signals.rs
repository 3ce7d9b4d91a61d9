//! Holds back the signals that ask the tracer to stop, from its first side effect on, except while it waits
//! for them. So Ctrl-C never leaves anything behind.

use std::mem::MaybeUninit;

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::signal::{SigSet, Signal, raise},
};

/// The signals that ask the tracer to stop, and those that would end it if they were not handled.
pub(super) const STOPPING: [Signal; 9] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGALRM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGXCPU,
    Signal::SIGABRT,
];

fn stopping() -> SigSet {
    STOPPING.into_iter().collect()
}

/// Blocks the signals; one that arrives is delivered at [`release`].
pub fn hold() -> Result<()> {
    stopping().thread_block().context("sigprocmask(SIG_BLOCK)")
}

/// Unblocks the signals. In the child, they have their default actions.
pub fn release() -> nix::Result<()> {
    stopping().thread_unblock()
}

/// The signal that has arrived and is held back, if any.
pub fn held() -> Result<Option<Signal>> {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending writes the whole set if it succeeds.
    let pending = unsafe {
        Errno::result(libc::sigpending(pending.as_mut_ptr())).context("sigpending()")?;
        SigSet::from_sigset_t_unchecked(pending.assume_init())
    };
    Ok(STOPPING
        .into_iter()
        .find(|signal| pending.contains(*signal)))
}

/// Raises a signal again that was taken already, for the next wait.
pub fn keep(signal: Signal) -> Result<()> {
    raise(signal).with_context(|| format!("raise({signal})"))
}

/// Makes the kernel kill this process when its parent dies, even if the tracer is killed with SIGKILL.
pub fn die_with_parent() -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_signal_is_held_until_it_is_taken() {
        // Both `hold` and `raise` affect this thread only.
        hold().unwrap();
        assert_eq!(held().unwrap(), None);
        keep(Signal::SIGHUP).unwrap();
        assert_eq!(held().unwrap(), Some(Signal::SIGHUP));
        assert_eq!(stopping().wait().unwrap(), Signal::SIGHUP);
        assert_eq!(held().unwrap(), None);
        release().unwrap();
    }
}
