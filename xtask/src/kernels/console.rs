//! What the guest and QEMU said on the console: the only witness of a boot that failed.

use std::{
    collections::VecDeque,
    fmt,
    io::{BufRead as _, BufReader, Read},
    process::Child,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

const LINES: usize = 25;

/// How PID 1 begins its lines (`say` in `xtask/src/guest/main.rs`).
const PID_1: &str = "guest: ";

/// The last lines of the serial line and of QEMU itself, while they come.
#[derive(Debug)]
pub(crate) struct Console {
    lines: Arc<Mutex<VecDeque<String>>>,
    readers: Vec<thread::JoinHandle<()>>,
}

/// The last lines there will be.
#[derive(Debug)]
pub(crate) struct Last(Vec<String>);

impl Console {
    /// Of a child whose streams are pipes.
    pub(crate) fn of(child: &mut Child) -> Self {
        let lines = Arc::default();
        let stdout = child.stdout.take().map(|it| keep(it, &lines));
        let stderr = child.stderr.take().map(|it| keep(it, &lines));
        Self {
            lines,
            readers: stdout.into_iter().chain(stderr).collect(),
        }
    }

    /// Once the child has ended.
    pub(crate) fn ended(self) -> Last {
        for reader in self.readers {
            // It has no result, and a panic of it loses lines only.
            let _ = reader.join();
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        Last(lines.drain(..).collect())
    }
}

impl Last {
    /// Whether PID 1 complained.
    pub(crate) fn has_pid_1(&self) -> bool {
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

/// The firmware clears the screen; a terminal of ours must not be cleared by an error.
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
        assert!(last("guest: open(/dev/vdb): none").has_pid_1());
        assert!(!last("[    1.2] Kernel panic").has_pid_1());
        assert!(last("x").to_string().ends_with("console:\n    x"));
    }
}
