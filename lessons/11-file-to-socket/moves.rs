//! The kernel passes the bytes on: the sender says from where to where, and never touches them.

use anyhow::{Context, Result, ensure};
use lessons::Scenario;
use nix::fcntl::{SpliceFFlags, splice};
use nix::sys::sendfile::sendfile;

use crate::wire::{across, pieces};
use crate::{Data, PIECE};

/// One sendfile(2) for each piece.
pub(crate) fn send_file(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario)?;
    across(scenario, data, &file, PIECE, |socket| {
        for length in pieces(data.bytes, PIECE) {
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
pub(crate) fn splice_through_a_pipe(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario)?;
    let (pipe_out, pipe_in) = nix::unistd::pipe().context("pipe")?;
    across(scenario, data, &file, PIECE, |socket| {
        let flags = SpliceFFlags::empty();
        for length in pieces(data.bytes, PIECE) {
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
