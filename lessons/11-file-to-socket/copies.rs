//! The sender handles the bytes itself: in a buffer of its own, or in a mapping.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::memory::touched_buffer;

use crate::wire::{across, pieces};
use crate::{Data, PIECE};

/// read(2) from the file into a buffer, write(2) from there into the socket.
pub(crate) fn read_and_write(scenario: &mut Scenario, data: &Data, piece: usize) -> Result<()> {
    let mut file = data.file(scenario)?;
    let from = file.try_clone().context("dup")?;
    let mut buffer = touched_buffer(piece)?;
    across(scenario, data, &from, piece, |socket| {
        for length in pieces(data.bytes, piece) {
            file.read_exact(&mut buffer[..length]).context("read")?;
            socket.write_all(&buffer[..length]).context("write")?;
        }
        Ok(())
    })
}

/// write(2) straight from a mapping: the kernel touches the pages, and the program never does.
pub(crate) fn write_mapped(scenario: &mut Scenario, data: &Data, filling: Filling) -> Result<()> {
    let file = data.file(scenario)?;
    let place = Reserved::new(data.bytes)?;
    across(scenario, data, &file, PIECE, |socket| {
        let mapping = place.map(&file, Sharing::Shared, filling)?;
        for piece in mapping[..data.bytes].chunks(PIECE) {
            socket.write_all(piece).context("write")?;
        }
        Ok(())
    })
}
