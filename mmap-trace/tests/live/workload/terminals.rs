//! A pseudo-terminal, whose ends do not transfer the same number of bytes.

use std::os::fd::AsFd;

use anyhow::{Context as _, Result, ensure};
use nix::pty::openpty;

use super::{Play, Work};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[("tty", lines)];

/// A printed line gains a carriage return on the screen, and a typed line is echoed.
fn lines(work: &mut Work) -> Result<()> {
    let pair = openpty(None, None).context("openpty")?;
    let (screen, program) = (&pair.master, &pair.slave);
    for _ in 0..work.random.between(1, 9) {
        let mut line = vec![b'x'; work.random.between(0, 200)];
        line.push(b'\n');
        pass(work, program, &line)?;
        take(work, screen, line.len() + 1)?;
        pass(work, screen, &line)?;
        take(work, program, line.len())?;
        take(work, screen, line.len() + 1)?;
    }
    Ok(())
}

fn pass(work: &mut Work, into: impl AsFd, line: &[u8]) -> Result<()> {
    let written = sys::write(into, line).context("write(tty)")?;
    ensure!(
        written == line.len(),
        "{written} of {} bytes were written",
        line.len()
    );
    work.expected.add_from_user("other", written);
    Ok(())
}

/// The other end receives a line in the pieces that the kernel's worker passes on (`flush_to_ldisc`).
fn take(work: &mut Work, from: impl AsFd, wanted: usize) -> Result<()> {
    let mut total = 0;
    while total < wanted {
        let read = sys::read(&from, &mut [0; 512]).context("read(tty)")?;
        ensure!(read > 0, "the terminal ended after {total} bytes");
        total += read;
    }
    ensure!(total == wanted, "{total} bytes came out, not {wanted}");
    work.expected.add_to_user("other", total);
    Ok(())
}
