//! The line that says that nothing hangs.

use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

/// One line on stderr, redrawn and in the end removed on a terminal.
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
            say(&format!("waiting for the flusher, at most {seconds} s\n"));
        }
        countdown
    }

    pub(crate) fn draw(&self, left: Duration) {
        if self.is_terminal {
            let seconds = left.as_secs();
            say(&format!(
                "\r\x1b[Kwaiting for the flusher: {seconds} s at most (--no-wait skips this)"
            ));
        }
    }
}

impl Drop for Countdown {
    fn drop(&mut self) {
        if self.is_terminal {
            say("\r\x1b[K");
        }
    }
}

fn say(text: &str) {
    // Without a stderr there is nobody who wonders.
    let _ = stderr().write_all(text.as_bytes());
}
