//! Puts the terminal back as it was, because a program of another account may leave it without echo or
//! non-blocking: flags of an open file belong to everyone who shares it.

use std::os::fd::BorrowedFd;

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::termios::{SetArg, Termios, tcgetattr, tcsetattr},
};

use super::fence::Fence;

/// What the standard streams were before the run.
pub struct Terminal {
    streams: Vec<Stream>,
}

struct Stream {
    descriptor: BorrowedFd<'static>,
    flags: OFlag,
    /// `None` if it is no terminal.
    settings: Option<Termios>,
}

impl Terminal {
    /// Saves nothing for a program that may change the terminal, as stty(1) does.
    #[must_use]
    pub fn save(fence: Fence) -> Terminal {
        let streams = if fence == Fence::Open {
            Vec::new()
        } else {
            (0..3).filter_map(Stream::save).collect()
        };
        Terminal { streams }
    }

    /// To be called in a session without this terminal: elsewhere, a process in the background would be stopped
    /// (`__tty_check_change`).
    pub fn restore(&self) {
        self.streams.iter().for_each(Stream::restore);
    }
}

impl Stream {
    fn save(number: i32) -> Option<Stream> {
        // SAFETY: the tracer never closes its standard streams.
        let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
        let flags = fcntl(descriptor, FcntlArg::F_GETFL).ok()?;
        Some(Stream {
            descriptor,
            flags: OFlag::from_bits_retain(flags),
            settings: tcgetattr(descriptor).ok(),
        })
    }

    fn restore(&self) {
        let now = fcntl(self.descriptor, FcntlArg::F_GETFL).unwrap_or_default();
        if now != self.flags.bits() {
            let _ = fcntl(self.descriptor, FcntlArg::F_SETFL(self.flags));
        }
        let Some(settings) = &self.settings else {
            return;
        };
        if tcgetattr(self.descriptor).is_ok_and(|now| now != *settings) {
            let _ = tcsetattr(self.descriptor, SetArg::TCSANOW, settings);
        }
    }
}
