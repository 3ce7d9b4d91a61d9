//! Ctrl-C at any moment: signals are held from the first side effect until somebody waits for them.

use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal};

/// The signals by which we are asked to stop.
fn stopping() -> SigSet {
    let mut set = SigSet::empty();
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        set.add(signal);
    }
    set
}

/// Holds them back: one that arrives now is delivered at [`release`].
pub fn hold() -> Result<()> {
    stopping().thread_block().context("sigprocmask(SIG_BLOCK)")
}

/// Lets them through, to the handlers that are installed by now, or in the child to its defaults.
pub fn release() -> nix::Result<()> {
    stopping().thread_unblock()
}
