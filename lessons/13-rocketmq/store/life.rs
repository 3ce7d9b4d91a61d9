//! A broker that kills itself after a given number of steps, in the middle of whatever it is doing.
//!
//! So a crash can be requested at any place, and repeated.
//! SIGKILL leaves no time for cleanup: it does the same to a process whoever sends it.

use nix::sys::signal::{Signal, raise};

/// Steps of a call; storing a byte is one step. Without this weight almost every crash would hit a copy.
const CALL_STEPS: u64 = 100;

/// Counts the steps of a broker and ends it after the last one.
#[derive(Debug, Default)]
pub(crate) struct Life {
    last: Option<u64>,
    pub(crate) spent: u64,
}

impl Life {
    pub(crate) fn of(steps: u64) -> Self {
        Life {
            last: Some(steps),
            spent: 0,
        }
    }

    /// Stands before or after a call that changes a file.
    pub(crate) fn step(&mut self) {
        if self.survives(CALL_STEPS) < CALL_STEPS {
            end();
        }
    }

    /// Copies the bytes, or as many of them as the broker lives to copy.
    pub(crate) fn store(&mut self, to: &mut [u8], from: &[u8]) {
        self.work(from, |bytes| to[..bytes.len()].copy_from_slice(bytes));
    }

    /// Passes the bytes to `write`, or as many of them as the broker lives to write.
    pub(crate) fn work<T>(&mut self, bytes: &[u8], mut write: impl FnMut(&[u8]) -> T) -> T {
        let survived = self.survives(bytes.len() as u64) as usize;
        if survived < bytes.len() {
            write(&bytes[..survived]);
            end();
        }
        write(bytes)
    }

    fn survives(&mut self, steps: u64) -> u64 {
        let left = self.last.map_or(u64::MAX, |last| last - self.spent);
        let survived = steps.min(left);
        self.spent += survived;
        survived
    }
}

fn end() -> ! {
    loop {
        // Sending a signal to oneself cannot fail.
        let _ = raise(Signal::SIGKILL);
    }
}
