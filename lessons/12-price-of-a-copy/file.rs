//! From a warm file: with read(2) into a buffer, and with sendfile(2) to where nobody wants it.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::memory::touched_buffer;
use nix::sys::sendfile::sendfile as kernel_sendfile;

use crate::Messages;

/// Messages lie in it one after the other, and again from the beginning.
const FILE_BYTES: usize = 1 << 20;
/// As a file grows by small writes: single pages in the page cache.
const PIECES: usize = 4 << 10;

impl Messages {
    /// Where in the file each begins.
    fn places(&self) -> impl Iterator<Item = usize> {
        let whole = FILE_BYTES / self.bytes;
        (0..self.count).map(move |number| number % whole * self.bytes)
    }

    fn file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join("messages"),
            bytes: FILE_BYTES,
            pieces: Pieces::of(PIECES),
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }
}

/// Each message is copied into the buffer.
pub(crate) fn read(scenario: &mut Scenario, messages: &Messages) -> Result<()> {
    let file = messages.file(scenario)?;
    let mut buffer = touched_buffer(messages.bytes)?;
    let done = scenario.run(|round| -> Result<()> {
        messages.report(round);
        for place in messages.places() {
            file.read_exact_at(&mut buffer, place as u64)
                .context("pread")?;
        }
        Ok(())
    });
    done.unwrap_or(Ok(()))
}

/// The kernel hands pages of the page cache to a device that drops them.
pub(crate) fn sendfile(scenario: &mut Scenario, messages: &Messages) -> Result<()> {
    let file = messages.file(scenario)?;
    let nowhere = File::options()
        .write(true)
        .open("/dev/null")
        .context("open(/dev/null)")?;
    let done = scenario.run(|round| -> Result<()> {
        messages.report(round);
        for place in messages.places() {
            let mut offset = i64::try_from(place)?;
            let length = kernel_sendfile(&nowhere, &file, Some(&mut offset), messages.bytes)
                .context("sendfile")?;
            ensure!(length == messages.bytes, "sendfile moved {length} bytes");
        }
        Ok(())
    });
    done.unwrap_or(Ok(()))
}
