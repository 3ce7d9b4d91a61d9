//! How long a broker lives: a number of steps, after which it kills itself in the middle of its work.
//!
//! So a crash at any place can be asked for, and asked for again. SIGKILL leaves no time for anything: what
//! it does to a process at this step, it does to one that somebody else kills there.

use nix::sys::signal::{Signal, raise};

/// What a call weighs against the store of one byte; without it almost every crash would hit a copy.
const CALL: u64 = 100;

/// Counts the steps of a broker, and ends it after the last one it has.
#[derive(Debug, Default)]
pub(crate) struct Life {
    last: Option<u64>,
    /// Steps so far: one for each byte stored, and some for each call that changes a file.
    pub(crate) spent: u64,
}

impl Life {
    /// It ends after so many steps.
    pub(crate) fn of(steps: u64) -> Self {
        Life {
            last: Some(steps),
            spent: 0,
        }
    }

    /// Stands before a call that changes a file, and behind it.
    pub(crate) fn step(&mut self) {
        if self.survives(CALL) < CALL {
            end();
        }
    }

    /// Copies the bytes, or as many of them as there is life for.
    pub(crate) fn store(&mut self, to: &mut [u8], from: &[u8]) {
        self.work(from, |bytes| to[..bytes.len()].copy_from_slice(bytes));
    }

    /// Hands the bytes over to something that writes them, or as many of them as there is life for.
    pub(crate) fn work<T>(&mut self, bytes: &[u8], mut write: impl FnMut(&[u8]) -> T) -> T {
        let survived = self.survives(bytes.len() as u64) as usize;
        if survived < bytes.len() {
            write(&bytes[..survived]);
            end();
        }
        write(bytes)
    }

    fn survives(&mut self, steps: u64) -> u64 {
        let left = self
            .last
            .map_or(u64::MAX, |last| last.saturating_sub(self.spent));
        let survived = steps.min(left);
        self.spent += survived;
        survived
    }
}

fn end() -> ! {
    loop {
        // It can not fail for a process of one's own, and there is nothing else to be done.
        let _ = raise(Signal::SIGKILL);
    }
}
