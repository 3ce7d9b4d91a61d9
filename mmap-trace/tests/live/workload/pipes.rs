//! Pipes and FIFOs between two processes, and pages moved into and out of pipes.

use std::{
    fs::{File, OpenOptions},
    os::fd::AsFd,
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::pipe;

use super::{Play, Work, in_child, join};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("pipe", between_processes),
    ("fifo", fifo),
    ("many-processes", many),
    ("vmsplice", both_ways),
];

/// Reads until the other end is closed.
pub(crate) fn read_all(file: impl AsFd) -> Result<usize> {
    let mut buffer = vec![0; 30_000];
    let mut total = 0;
    loop {
        match sys::read(&file, &mut buffer).context("read")? {
            0 => return Ok(total),
            bytes => total += bytes,
        }
    }
}

/// Writes everything, in as many calls as it takes.
pub(crate) fn write_all(file: impl AsFd, buffer: &[u8]) -> Result<()> {
    let mut done = 0;
    while done < buffer.len() {
        done += sys::write(&file, &buffer[done..]).context("write")?;
    }
    Ok(())
}

fn between_processes(work: &mut Work) -> Result<()> {
    let (receiver, sender) = pipe().context("pipe")?;
    let buffer = work.bytes();
    work.expected.both("pipe", buffer.len());
    let child = in_child(|| write_all(&sender, &buffer))?;
    // The reader sees the end when no writer is left.
    drop(sender);
    let total = read_all(&receiver)?;
    ensure!(total == buffer.len(), "{total} of {} bytes", buffer.len());
    join(child)
}

fn fifo(work: &mut Work) -> Result<()> {
    let path = work.path("fifo");
    sys::make_fifo(&path).context("mkfifo")?;
    let buffer = work.bytes();
    work.expected.both("pipe", buffer.len());
    let child = in_child(|| {
        let sender = OpenOptions::new()
            .write(true)
            .open(&path)
            .context("open(fifo)")?;
        write_all(&sender, &buffer)
    })?;
    let total = read_all(&File::open(&path).context("open(fifo)")?)?;
    ensure!(total == buffer.len(), "{total} of {} bytes", buffer.len());
    join(child)
}

/// Many processes at the same time, each with a few bytes.
fn many(work: &mut Work) -> Result<()> {
    let (receiver, sender) = pipe().context("pipe")?;
    let mut children = Vec::new();
    let mut total = 0;
    for _ in 0..work.random.between(50, 150) {
        let bytes = work.random.between(1, 400);
        children.push(in_child(|| write_all(&sender, &vec![1; bytes]))?);
        total += bytes;
    }
    drop(sender);
    work.expected.both("pipe", total);
    ensure!(read_all(&receiver)? == total);
    children.into_iter().try_for_each(join)
}

/// vmsplice references pages when it fills a pipe and copies them when it empties one.
fn both_ways(work: &mut Work) -> Result<()> {
    let (receiver, sender) = pipe().context("pipe")?;
    let mut buffer = vec![1; work.random.between(1, 60_000)];
    let length = buffer.len();
    let moved = sys::vmsplice(&sender, &mut buffer).context("vmsplice(in)")?;
    ensure!(moved == length, "{moved} of {length} bytes went in");
    let mut back = vec![0; length];
    let read = sys::read(&receiver, &mut back).context("read")?;
    ensure!(read == length, "{read} of {length} bytes came out");
    work.expected.add_to_user("pipe", read);

    let written = sys::write(&sender, &buffer).context("write")?;
    let out = sys::vmsplice(&receiver, &mut back).context("vmsplice(out)")?;
    ensure!(written == length && out > 0, "{written} in, {out} out");
    work.expected.add_from_user("pipe", written);
    work.expected.add_to_user("pipe", out);
    Ok(())
}
