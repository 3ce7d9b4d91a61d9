//! Requests of `io_uring` that each have one result, whoever carries them out.

use std::{
    fs::{File, OpenOptions},
    os::unix::net::UnixStream,
};

use anyhow::{Context as _, Result, ensure};
use io_uring::{
    opcode,
    squeue::Flags,
    types::{Fd, Fixed},
};
use memmap2::MmapOptions;
use nix::unistd::pipe;

use super::{
    Carrier, Play, Request, Ring, Work,
    fallback::{memory, without_extents},
    files::open,
    in_child, join,
    ring::number,
    sockets::{tcp_pair, udp_pair},
};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("ring-files", |work| files(work, Carrier::Submitter)),
    ("ring-files-waiting", |work| {
        files(work, Carrier::WaitingSubmitter)
    }),
    ("ring-files-by-workers", |work| {
        files(work, Carrier::Workers)
    }),
    ("ring-files-polled", |work| files(work, Carrier::Poller)),
    ("ring-streams", |work| streams(work, Carrier::Submitter)),
    ("ring-streams-waiting", |work| {
        streams(work, Carrier::WaitingSubmitter)
    }),
    ("ring-streams-by-workers", |work| {
        streams(work, Carrier::Workers)
    }),
    ("ring-streams-polled", |work| streams(work, Carrier::Poller)),
    ("ring-splice", splice),
    ("ring-o-direct", direct),
    ("ring-o-direct-into-holes", holes),
    ("ring-shared-with-a-child", shared),
    ("ring-two", two),
    ("ring-linked", linked),
    ("ring-cancelled", cancelled),
    ("ring-before-a-truncated-receive", before_truncated),
];

/// The size of the files, which no request reaches the end of.
const SIZE: usize = 300_000;

/// Reads and writes of random sizes, several at a time.
fn files(work: &mut Work, carrier: Carrier) -> Result<()> {
    let disk = open(&work.path("ring"), 0)?;
    let memory = File::from(sys::memfd()?);
    let mut ring = Ring::new(carrier)?;
    let mut registered = vec![3; 200_000];
    let whole = libc::iovec {
        iov_base: registered.as_mut_ptr().cast(),
        iov_len: registered.len(),
    };
    // SAFETY: the buffer outlives the ring.
    unsafe { ring.ring.submitter().register_buffers(&[whole]) }.context("io_uring_register")?;
    let files = [number(&disk), number(&memory)];
    ring.ring
        .submitter()
        .register_files(&files)
        .context("io_uring_register")?;
    for (index, path) in [(0, "page_cache"), (1, "tmpfs")] {
        let file = [&disk, &memory][index];
        let filled = sys::pwrite(file, &vec![1; SIZE], 0).context("pwrite")?;
        work.expected.add_from_user(path, filled);
        for _ in 0..12 {
            let kinds: Vec<usize> = (0..work.random.between(1, 8))
                .map(|_| work.random.between(0, 7))
                .collect();
            let mut buffers: Vec<_> = kinds.iter().map(|_| work.bytes()).collect();
            let mut requests = Vec::new();
            for (kind, buffer) in kinds.iter().zip(&mut buffers) {
                let offset = work.random.between(0, 50_000);
                let (start, bytes) = (registered.as_mut_ptr(), buffer.len() as u32);
                requests.push(match kind {
                    0 => Request::read(files[index], buffer, offset),
                    1 => Request::read_pieces(files[index], buffer, offset),
                    2 => Request::of(
                        opcode::ReadFixed::new(Fd(files[index]), start, bytes, 0)
                            .offset(offset as u64)
                            .build(),
                    ),
                    3 => Request::of(
                        opcode::Read::new(Fixed(index as u32), buffer.as_mut_ptr(), bytes)
                            .offset(offset as u64)
                            .build(),
                    ),
                    4 => Request::write(files[index], buffer, offset),
                    5 => Request::write_pieces(files[index], buffer, offset),
                    6 => Request::of(
                        opcode::WriteFixed::new(Fd(files[index]), start, bytes, 0)
                            .offset(offset as u64)
                            .build(),
                    ),
                    _ => Request::of(opcode::Fsync::new(Fd(files[index])).build()),
                });
            }
            for (kind, moved) in kinds.iter().zip(ring.perform(&requests)?) {
                match kind {
                    0..=3 => work.expected.add_to_user(path, moved),
                    _ => work.expected.add_from_user(path, moved),
                }
            }
        }
    }
    Ok(())
}

/// Pipes, sockets and devices: each request moves what it is asked for.
fn streams(work: &mut Work, carrier: Carrier) -> Result<()> {
    let mut ring = Ring::new(carrier)?;
    let (from, into) = pipe().context("pipe")?;
    let (left, right) = UnixStream::pair().context("socketpair")?;
    let (client, server) = tcp_pair()?;
    let (sender, receiver) = udp_pair()?;
    let zero = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/zero")?;
    for (source, sink, path) in [
        (number(&from), number(&into), "pipe"),
        (number(&left), number(&right), "socket"),
        (number(&client), number(&server), "socket"),
        (number(&sender), number(&receiver), "socket"),
    ] {
        for _ in 0..8 {
            let mut buffer = vec![5; work.random.between(2, 20_000)];
            let kind = work.random.between(0, if path == "pipe" { 1 } else { 4 });
            let write = match kind {
                0 => Request::write(sink, &buffer, 0),
                1 => Request::write_pieces(sink, &buffer, 0),
                2 => Request::send_message(sink, &buffer),
                _ => Request::send(sink, &buffer, 0),
            };
            let written = ring.one(write).context("write")?;
            ensure!(written == buffer.len(), "{written} bytes written");
            let kind = work.random.between(0, if path == "pipe" { 1 } else { 4 });
            let read = match kind {
                0 => Request::read(source, &mut buffer, 0),
                1 => Request::read_pieces(source, &mut buffer, 0),
                2 => Request::receive_message(source, &mut buffer),
                3 => Request::receive(source, &mut buffer, libc::MSG_WAITALL),
                _ => Request::receive(source, &mut buffer, 0),
            };
            let read = ring.one(read).context("read")?;
            ensure!(read == written, "{read} of {written} bytes read");
            work.expected.both(path, written);
        }
    }
    let mut buffer = work.bytes();
    let read = ring.one(Request::read(number(&zero), &mut buffer, 0))?;
    work.expected.add_to_user("other", read);
    // A write to /dev/zero copies nothing.
    ring.one(Request::write(number(&zero), &buffer, 0))?;
    Ok(())
}

fn splice(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let file = open(&work.path("spliced"), 0)?;
    let written = sys::pwrite(&file, &vec![1; SIZE], 0)?;
    work.expected.add_from_user("page_cache", written);
    let (from, into) = pipe().context("pipe")?;
    for _ in 0..5 {
        let bytes = work.random.between(1, 60_000);
        let request = Request::splice(number(&file), 1000, number(&into), bytes);
        let moved = ring.one(request).context("splice")?;
        work.expected.add("transferred_bytes", moved);
        let read = sys::read(&from, &mut vec![0; moved])?;
        work.expected.add_to_user("pipe", read);
    }
    Ok(())
}

/// Whether a request with O_DIRECT can say what it transferred without a copy (`iomap_dio_complete`).
fn tells_direct_transfers() -> bool {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_owned());
    let release = release.unwrap_or_default();
    let release = release.to_string_lossy();
    let mut numbers = release.split('.').map_while(|word| word.parse().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(6))
}

/// Requests that transfer without a copy.
fn direct(work: &mut Work) -> Result<()> {
    if !tells_direct_transfers() {
        return Ok(());
    }
    let file = open(&work.path("ring-direct"), libc::O_DIRECT)?;
    for carrier in [Carrier::Submitter, Carrier::Workers, Carrier::Poller] {
        let mut ring = Ring::new(carrier)?;
        for _ in 0..4 {
            let blocks = work.random.between(1, 32);
            let mut buffer = MmapOptions::new().len(blocks * 4096).map_anon()?;
            buffer.fill(9);
            let written = ring.one(Request::write(number(&file), &buffer, 0))?;
            work.expected.add("direct_written_bytes", written);
            let read = ring.one(Request::read(number(&file), &mut buffer, 0))?;
            ensure!(read == written, "{read} of {written} bytes");
            work.expected.add("direct_read_bytes", read);
        }
    }
    Ok(())
}

/// A file without extents takes no direct write into a hole, and none beyond the first one of a request.
fn holes(work: &mut Work) -> Result<()> {
    let Some(file) = without_extents(work, "ring-holes")?.filter(|_| tells_direct_transfers())
    else {
        return Ok(());
    };
    for (carrier, first) in [(Carrier::Submitter, 0), (Carrier::Workers, 24 * 4096)] {
        let mut ring = Ring::new(carrier)?;
        let blocks = work.random.between(1, 8);
        let memory = memory(2 * blocks)?;
        let half = &memory[..blocks * 4096];
        let copied = ring.one(Request::write(number(&file), half, first))?;
        work.expected.add_from_user("page_cache", copied);
        let written = ring.one(Request::write(number(&file), &memory, first))?;
        ensure!(written == memory.len(), "{written} of {}", memory.len());
        work.expected.add("direct_written_bytes", half.len());
        work.expected
            .add_from_user("page_cache", written - half.len());
    }
    Ok(())
}

/// Parent and child submit to the same ring.
fn shared(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let file = open(&work.path("shared-ring"), 0)?;
    let written = sys::pwrite(&file, &vec![1; SIZE], 0)?;
    work.expected.add_from_user("page_cache", written);
    for _ in 0..4 {
        let mut buffer = work.bytes();
        work.expected.add_to_user("page_cache", buffer.len());
        let child = in_child(|| {
            let read = ring.one(Request::read(number(&file), &mut buffer, 0))?;
            ensure!(read == buffer.len(), "{read} bytes");
            Ok(())
        })?;
        join(child)?;
        let mut buffer = work.bytes();
        let read = ring.one(Request::read(number(&file), &mut buffer, 0))?;
        work.expected.add_to_user("page_cache", read);
    }
    Ok(())
}

/// What one ring waits for comes through another.
fn two(work: &mut Work) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let mut reader = Ring::new(Carrier::Submitter)?;
    let mut writer = Ring::new(Carrier::Poller)?;
    for _ in 0..6 {
        let buffer = vec![1; work.random.between(1, 60_000)];
        let mut room = vec![0; buffer.len()];
        let read = Request::read(number(&from), &mut room, 0);
        reader.push(&read, 7)?;
        reader.submit()?;
        let written = writer.one(Request::write(number(&into), &buffer, 0))?;
        let (_, read, _) = reader.event()?;
        ensure!(usize::try_from(read) == Ok(written), "{read} of {written}");
        work.expected.both("pipe", written);
    }
    Ok(())
}

/// The second request of a chain runs after the first one; after a failure it never runs.
fn linked(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let (from, into) = pipe().context("pipe")?;
    for descriptor in [number(&into), -1] {
        let buffer = vec![1; work.random.between(1, 60_000)];
        let mut room = vec![0; buffer.len()];
        let first = opcode::Write::new(Fd(descriptor), buffer.as_ptr(), buffer.len() as u32);
        ring.push(&Request::of(first.build().flags(Flags::IO_LINK)), 1)?;
        ring.push(&Request::read(number(&from), &mut room, 0), 2)?;
        let results = [ring.event()?.1, ring.event()?.1];
        if results[0] > 0 {
            ensure!(results[0] == results[1], "{results:?}");
            work.expected.both("pipe", buffer.len());
        }
    }
    Ok(())
}

/// A request that waits for nothing is cancelled, and one that was never valid fails.
fn cancelled(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let (from, _into) = pipe().context("pipe")?;
    let mut room = work.bytes();
    ring.push(&Request::read(number(&from), &mut room, 0), 5)?;
    ring.submit()?;
    ring.push(&Request::of(opcode::AsyncCancel::new(5).build()), 6)?;
    let results = [ring.event()?.1, ring.event()?.1];
    ensure!(results.contains(&-libc::ECANCELED), "{results:?}");
    ring.push(&Request::read(-1, &mut room, 0), 7)?;
    ensure!(ring.event()?.1 == -libc::EBADF, "EBADF was expected");
    Ok(())
}

/// A request that the task goes on with between two calls leaves nothing to the second one, which says that it
/// received more than it copied.
fn before_truncated(work: &mut Work) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let (left, right) = UnixStream::pair().context("socketpair")?;
    let (from, to) = udp_pair()?;
    for _ in 0..5 {
        let buffer = vec![1; work.random.between(1, 20_000)];
        let mut room = vec![0; buffer.len()];
        let datagram = sys::send(&from, &[1; 100], 0).context("send")?;
        work.expected.add_from_user("socket", datagram);
        ring.push(&Request::receive(number(&right), &mut room, 0), 1)?;
        ring.submit()?;
        let sent = sys::send(&left, &buffer, 0).context("send")?;
        work.expected.add_from_user("socket", sent);
        let said = sys::receive(&to, &mut [0; 10], libc::MSG_TRUNC).context("recv")?;
        ensure!(said == 100, "{said} of 100 bytes");
        work.expected.add_to_user("socket", 10);
        let (_, received, _) = ring.event()?;
        ensure!(
            usize::try_from(received) == Ok(sent),
            "{received} of {sent}"
        );
        work.expected.add_to_user("socket", sent);
    }
    Ok(())
}
