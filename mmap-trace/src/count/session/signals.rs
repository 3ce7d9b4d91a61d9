//! Ctrl-C at any moment: signals are held from the first side effect on, but while somebody waits for them.

use std::mem::MaybeUninit;

use anyhow::{Context as _, Result};
use nix::{
    errno::Errno,
    sys::signal::{SigSet, Signal, raise},
};

/// The signals by which we are asked to stop.
const STOPPING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

fn stopping() -> SigSet {
    STOPPING.into_iter().collect()
}

/// Holds them back: one that arrives now is delivered at [`release`].
pub fn hold() -> Result<()> {
    stopping().thread_block().context("sigprocmask(SIG_BLOCK)")
}

/// Lets them through, to the handlers that are installed by now, or in the child to its defaults.
pub fn release() -> nix::Result<()> {
    stopping().thread_unblock()
}

/// The signal that is being held back.
pub fn held() -> Result<Option<Signal>> {
    let mut pending = MaybeUninit::uninit();
    // SAFETY: sigpending writes the whole set, unless it fails.
    let pending = unsafe {
        Errno::result(libc::sigpending(pending.as_mut_ptr())).context("sigpending")?;
        SigSet::from_sigset_t_unchecked(pending.assume_init())
    };
    Ok(STOPPING
        .into_iter()
        .find(|signal| pending.contains(*signal)))
}

/// Holds a signal that has arrived already, for whoever waits next.
pub fn keep(signal: Signal) -> Result<()> {
    raise(signal).context("raise")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_kept_is_held_until_it_is_taken() {
        // Blocked in this thread only; `raise` sends to this thread only.
        hold().unwrap();
        assert_eq!(held().unwrap(), None);
        keep(Signal::SIGHUP).unwrap();
        assert_eq!(held().unwrap(), Some(Signal::SIGHUP));
        assert_eq!(stopping().wait().unwrap(), Signal::SIGHUP);
        assert_eq!(held().unwrap(), None);
        release().unwrap();
    }
}

/// Also for kill -9 of the tracer: the kernel kills the child then.
pub fn die_with_parent() -> nix::Result<()> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
}
