//! The sender handles the bytes itself: in a buffer of its own, or in a mapping.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::data::{Cached, Files};
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::memory::touched_buffer;

use crate::wire::{across, pieces};
use crate::{FILE, PIECE};

/// read(2) from the file into a buffer, write(2) from there into the socket.
pub(crate) fn read_and_write(scenario: &mut Scenario, files: &Files, piece: usize) -> Result<()> {
    let mut file = files.prepare(scenario, FILE, Cached::Whole)?;
    let from = file.try_clone().context("dup")?;
    let mut buffer = touched_buffer(piece)?;
    across(scenario, files, &from, piece, |socket| {
        for length in pieces(files.bytes(), piece) {
            file.read_exact(&mut buffer[..length]).context("read")?;
            socket.write_all(&buffer[..length]).context("write")?;
        }
        Ok(())
    })
}

/// write(2) straight from a mapping: the kernel touches the pages, and the program never does.
pub(crate) fn write_mapped(scenario: &mut Scenario, files: &Files, filling: Filling) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    let place = Reserved::new(files.bytes())?;
    across(scenario, files, &file, PIECE, |socket| {
        let mapping = place.map(&file, Sharing::Shared, filling)?;
        for piece in mapping[..files.bytes()].chunks(PIECE) {
            socket.write_all(piece).context("write")?;
        }
        Ok(())
    })
}
