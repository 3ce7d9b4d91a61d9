//! What `/proc/self/io` says about a round, for a tracer without root. It is read before and after the
//! round, never during it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use mmap_trace_ebpf::session::IO_FIELDS;

/// Enough for the seven lines, however long their numbers.
const TEXT_BYTES: usize = 512;

/// The file's numbers, in the order of `IO_FIELDS`.
pub(crate) type Values = [u64; IO_FIELDS.len()];

/// The open file; every reading gives the current values.
pub(crate) struct IoAccount(File);

#[derive(Clone, Copy)]
pub(crate) struct Reading {
    values: Values,
    /// The reading is itself a read: the next reading counts it in `rchar` and `syscr`.
    own_bytes: u64,
}

impl IoAccount {
    pub(crate) fn open() -> Result<Self> {
        let file = File::open("/proc/self/io").context("open /proc/self/io")?;
        Ok(IoAccount(file))
    }

    /// Takes a reading without allocating memory.
    pub(crate) fn now(&self) -> Result<Reading> {
        let mut text = [0; TEXT_BYTES];
        let bytes = self.0.read_at(&mut text, 0).context("read /proc/self/io")?;
        let text = std::str::from_utf8(&text[..bytes]).context("/proc/self/io")?;
        Ok(Reading {
            values: parse(text),
            own_bytes: bytes as u64,
        })
    }
}

impl Reading {
    /// What was added since `earlier`, without the earlier reading itself.
    pub(crate) fn since(self, earlier: Reading) -> Values {
        let own = [earlier.own_bytes, 0, 1, 0, 0, 0, 0];
        std::array::from_fn(|field| {
            self.values[field].saturating_sub(earlier.values[field] + own[field])
        })
    }
}

fn parse(text: &str) -> Values {
    let mut values = Values::default();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(": ")
            && let Some(field) = IO_FIELDS.iter().position(|known| *known == name)
        {
            // The kernel prints 64-bit numbers, so every value parses.
            values[field] = value.parse().unwrap_or(0);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmap_trace_ebpf::session::IO_READ_BYTES;

    #[test]
    fn lines_are_found_by_name() {
        let text = "rchar: 5\nsyscr: 7\nsomething: 9\nread_bytes: 4096\n";
        let values = parse(text);
        assert_eq!(values, [5, 0, 7, 0, 4096, 0, 0]);
        assert_eq!(values[IO_READ_BYTES], 4096);
    }

    #[test]
    fn two_readings_with_nothing_in_between_do_not_differ() {
        let account = IoAccount::open().expect("procfs");
        // Other tests in this process do I/O of their own, so one quiet moment is enough.
        let quiet = (0..100).any(|_| {
            let first = account.now().expect("readable");
            account.now().expect("readable").since(first) == Values::default()
        });
        assert!(quiet);
    }
}
