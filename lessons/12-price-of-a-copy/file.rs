//! Messages from a warm file: with pread(2) into a buffer, and with sendfile(2) to `/dev/null`.

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Pieces, Recipe};
use lessons::memory::touched_buffer;
use nix::sys::sendfile::sendfile as kernel_sendfile;

use crate::Batch;

/// The messages lie in the file one after the other; after the last one, reading begins again at the first.
const FILE_BYTES: usize = 1 << 20;
/// Small writes leave single pages in the page cache.
const PIECES: Pieces = Pieces::SMALL;

impl Batch {
    /// The offset at which each message begins.
    fn places(&self) -> impl Iterator<Item = usize> {
        let whole = FILE_BYTES / self.bytes;
        (0..self.count).map(move |number| number % whole * self.bytes)
    }

    fn file(&self, scenario: &Scenario) -> Result<File> {
        let recipe = Recipe {
            path: self.directory.join("messages"),
            bytes: FILE_BYTES,
            pieces: PIECES,
            cached: Cached::Whole,
        };
        recipe.prepare(scenario)
    }
}

/// The kernel copies each message into the buffer.
pub(crate) fn read(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
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

/// The kernel hands pages of the page cache to a device that drops them, and copies nothing.
pub(crate) fn sendfile(scenario: &mut Scenario, messages: &Batch) -> Result<()> {
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
            ensure!(
                length == messages.bytes,
                "sendfile moved {length} of {} bytes",
                messages.bytes
            );
        }
        Ok(())
    });
    done.unwrap_or(Ok(()))
}
