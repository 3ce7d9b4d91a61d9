//! The last lines of the console, of the guest and of QEMU: all that a failed boot leaves.

use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead as _, BufReader, Read},
    process::Child,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

const LINES: usize = 25;

/// The beginning of PID 1's lines (`say` in `xtask/src/vm/guest/main.rs`).
const PID_1: &str = "guest: ";

#[derive(Debug)]
pub(crate) struct Console {
    lines: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Last(Vec<String>);

impl Console {
    /// Reads the streams of `child`, which must be pipes.
    pub(crate) fn of(child: &mut Child) -> Self {
        let lines = Arc::default();
        let stdout = child.stdout.take().map(|it| keep(it, &lines));
        let stderr = child.stderr.take().map(|it| keep(it, &lines));
        Self {
            lines,
            readers: stdout.into_iter().chain(stderr).collect(),
        }
    }

    /// Returns the lines once the child has ended.
    pub(crate) fn ended(self) -> Last {
        for reader in self.readers {
            // The thread has no result, and a panic in it only loses lines.
            let _ = reader.join();
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Last(lines.drain(..).collect())
    }
}

impl Last {
    pub(crate) fn has_complaint_of_pid_1(&self) -> bool {
        self.0.iter().any(|line| line.starts_with(PID_1))
    }
}

impl fmt::Display for Last {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("; its console was silent");
        }
        f.write_str("; the last lines of its console:")?;
        self.0.iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

fn keep(
    stream: impl Read + Send + 'static,
    lines: &Arc<Mutex<VecDeque<String>>>,
) -> thread::JoinHandle<()> {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        let pieces = BufReader::new(stream).split(b'\n');
        for piece in pieces.map_while(Result::ok) {
            let line = printable(&piece);
            let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
            if lines.len() == LINES {
                lines.pop_front();
            }
            if !line.is_empty() {
                lines.push_back(line);
            }
        }
    })
}

/// Drops escape sequences: the firmware's clear the screen, and an error message must not.
fn printable(bytes: &[u8]) -> String {
    let mut line = String::new();
    let text = String::from_utf8_lossy(bytes);
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\x1b' {
            // An escape sequence ends with its first letter.
            chars.by_ref().find(char::is_ascii_alphabetic);
        } else if !char.is_control() {
            line.push(char);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_console_is_shown_without_its_escape_sequences() {
        assert_eq!(printable(b"\x1b[2J\x1b[01;01Hpanic\r"), "panic");
    }

    #[test]
    fn a_complaint_of_pid_1_is_told_from_the_kernels_lines() {
        let last = |line: &str| Last(vec![line.to_owned()]);
        assert!(last("guest: open(/dev/vdb): none").has_complaint_of_pid_1());
        assert!(!last("[    1.2] Kernel panic").has_complaint_of_pid_1());
        assert!(last("x").to_string().ends_with("console:\n    x"));
    }
}
