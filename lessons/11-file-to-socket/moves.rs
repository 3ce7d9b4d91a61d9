//! The kernel passes the bytes on: the sender says from where to where, and never touches them.

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Files};
use nix::fcntl::{SpliceFFlags, splice};
use nix::sys::sendfile::sendfile;

use crate::wire::{across, pieces};
use crate::{FILE, PIECE};

/// One sendfile(2) for each piece.
pub(crate) fn send_file(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    across(scenario, files, &file, PIECE, |socket| {
        for length in pieces(files.bytes(), PIECE) {
            let mut left = length;
            while left > 0 {
                let sent = sendfile(&*socket, &file, None, left).context("sendfile")?;
                ensure!(
                    sent > 0,
                    "the file ends {left} bytes before the end of a piece"
                );
                left -= sent;
            }
        }
        Ok(())
    })
}

/// splice(2) needs a pipe at one end, so a pipe is in the middle.
pub(crate) fn splice_through_a_pipe(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    let (pipe_out, pipe_in) = nix::unistd::pipe().context("pipe")?;
    across(scenario, files, &file, PIECE, |socket| {
        let flags = SpliceFFlags::empty();
        for length in pieces(files.bytes(), PIECE) {
            let mut left = length;
            while left > 0 {
                let mut inside =
                    splice(&file, None, &pipe_in, None, left, flags).context("splice(file)")?;
                ensure!(
                    inside > 0,
                    "the file ends {left} bytes before the end of a piece"
                );
                left -= inside;
                while inside > 0 {
                    inside -= splice(&pipe_out, None, &*socket, None, inside, flags)
                        .context("splice(socket)")?;
                }
            }
        }
        Ok(())
    })
}
