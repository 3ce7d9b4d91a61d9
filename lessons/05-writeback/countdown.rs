//! Shows on stderr how long the lesson may still wait, so that it does not seem to hang.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

/// A line that is redrawn and finally removed if stderr is a terminal, and printed once otherwise.
pub(crate) struct Countdown {
    is_terminal: bool,
}

impl Countdown {
    pub(crate) fn new(longest: Duration) -> Self {
        let countdown = Countdown {
            is_terminal: stderr().is_terminal(),
        };
        if countdown.is_terminal {
            countdown.draw(longest);
        } else {
            let seconds = longest.as_secs();
            print(&format!("waiting for the flusher, at most {seconds} s\n"));
        }
        countdown
    }

    pub(crate) fn draw(&self, left: Duration) {
        if self.is_terminal {
            let seconds = left.as_secs();
            print(&format!(
                "\r\x1b[Kwaiting for the flusher: {seconds} s at most (--no-wait skips this)"
            ));
        }
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        if self.is_terminal {
            print("\r\x1b[K");
        }
    }
}

fn print(text: &str) {
    // If stderr is closed, nobody waits for this line.
    let _ = stderr().write_all(text.as_bytes());
}
