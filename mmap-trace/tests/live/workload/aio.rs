//! Native AIO: files, pipes, O_DIRECT, and events that another thread takes.

use std::{collections::HashMap, fs::File, os::fd::AsFd};

use anyhow::{Context as _, Result, ensure};
use memmap2::MmapOptions;
use nix::unistd::pipe;

use super::{Play, Work, files::open, in_child, join};
use crate::sys::{self, AioQueue, AioRequest};

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("aio-files", files),
    ("aio-pipe", through_a_pipe),
    ("aio-o-direct", direct),
    ("aio-two-threads", two_threads),
    ("aio-children", children),
];

/// The size of the files, which no request reaches the end of.
const SIZE: usize = 300_000;

/// The operations that move bytes, and one that moves none.
const OPERATIONS: [u16; 5] = [
    AioRequest::READ,
    AioRequest::READ_PIECES,
    AioRequest::WRITE,
    AioRequest::WRITE_PIECES,
    AioRequest::SYNC,
];

/// Submits a random number of random requests, and adds what they moved.
fn batch(work: &mut Work, queue: &AioQueue, file: impl AsFd, path: &str) -> Result<()> {
    let count = work.random.between(1, 16);
    let operations: Vec<u16> = (0..count)
        .map(|_| OPERATIONS[work.random.between(0, OPERATIONS.len() - 1)])
        .collect();
    let mut buffers: Vec<_> = operations.iter().map(|_| work.bytes()).collect();
    let requests: Vec<_> = operations
        .iter()
        .zip(&mut buffers)
        .map(|(&operation, buffer)| {
            AioRequest::new(operation, &file, buffer, work.random.between(0, 50_000))
        })
        .collect();
    ensure!(queue.submit(&requests).context("io_submit")? == count);
    let results: HashMap<u64, i64> = queue
        .results(count)
        .context("io_getevents")?
        .into_iter()
        .collect();
    for (operation, request) in operations.iter().zip(&requests) {
        let result = results
            .get(&request.address())
            .context("an event is missing")?;
        let moved = usize::try_from(*result).context("an error")?;
        match *operation {
            AioRequest::READ | AioRequest::READ_PIECES => work.expected.add_to_user(path, moved),
            _ => work.expected.add_from_user(path, moved),
        }
    }
    Ok(())
}

fn filled(work: &mut Work, file: &File, path: &str) -> Result<()> {
    let filled = sys::pwrite(file, &vec![1; SIZE], 0).context("pwrite")?;
    work.expected.add_from_user(path, filled);
    Ok(())
}

fn files(work: &mut Work) -> Result<()> {
    let queue = AioQueue::new(16).context("io_setup")?;
    let disk = open(&work.path("aio"), 0)?;
    let memory = File::from(sys::memfd()?);
    for (file, path) in [(&disk, "page_cache"), (&memory, "tmpfs")] {
        filled(work, file, path)?;
        for _ in 0..10 {
            batch(work, &queue, file, path)?;
        }
    }
    Ok(())
}

fn through_a_pipe(work: &mut Work) -> Result<()> {
    let queue = AioQueue::new(4).context("io_setup")?;
    let (from, into) = pipe().context("pipe")?;
    for _ in 0..6 {
        let mut buffer = vec![1; work.random.between(3, 60_000)];
        let mut room = vec![0; buffer.len()];
        let both = [
            AioRequest::new(AioRequest::WRITE, &into, &mut buffer, 0),
            AioRequest::new(AioRequest::READ_PIECES, &from, &mut room, 0),
        ];
        ensure!(queue.submit(&both).context("io_submit")? == 2);
        for (_, moved) in queue.results(2).context("io_getevents")? {
            ensure!(usize::try_from(moved) == Ok(buffer.len()), "{moved} bytes");
        }
        work.expected.both("pipe", buffer.len());
    }
    Ok(())
}

/// Several transfers in one call complete later, in an interrupt. The last one may end with the file.
fn direct(work: &mut Work) -> Result<()> {
    const EACH: usize = 8192;
    let queue = AioQueue::new(16).context("io_setup")?;
    let file = open(&work.path("aio-direct"), libc::O_DIRECT)?;
    for _ in 0..4 {
        let count = work.random.between(2, 8);
        let mut memory = MmapOptions::new().len(count * EACH).map_anon()?;
        memory.fill(7);
        let written = transfer(&queue, AioRequest::WRITE, &file, &mut memory, EACH)?;
        ensure!(written == count * EACH, "{written} bytes");
        work.expected.add("direct_written_bytes", written);
        let size = written - work.random.between(0, EACH - 1);
        file.set_len(size as u64).context("ftruncate")?;
        let read = transfer(&queue, AioRequest::READ, &file, &mut memory, EACH)?;
        ensure!(read == size, "{read} of {size} bytes");
        work.expected.add("direct_read_bytes", read);
    }
    Ok(())
}

/// Submits requests for pieces of a file in one call, and returns what they moved together.
fn transfer(
    queue: &AioQueue,
    operation: u16,
    file: &File,
    memory: &mut [u8],
    each: usize,
) -> Result<usize> {
    let requests: Vec<_> = memory
        .chunks_mut(each)
        .enumerate()
        .map(|(n, piece)| AioRequest::new(operation, file, piece, n * each))
        .collect();
    ensure!(queue.submit(&requests).context("io_submit")? == requests.len());
    let results = queue.results(requests.len()).context("io_getevents")?;
    let moved: i64 = results.iter().map(|(_, moved)| moved).sum();
    usize::try_from(moved).context("an error")
}

/// One thread submits, the other takes the events.
fn two_threads(work: &mut Work) -> Result<()> {
    let queue = AioQueue::new(16).context("io_setup")?;
    let file = open(&work.path("aio-threads"), 0)?;
    filled(work, &file, "page_cache")?;
    let mut buffers: Vec<_> = (0..12).map(|_| work.bytes()).collect();
    let bytes: usize = buffers.iter().map(Vec::len).sum();
    let requests: Vec<_> = buffers
        .iter_mut()
        .map(|buffer| AioRequest::new(AioRequest::READ, &file, buffer, 0))
        .collect();
    ensure!(queue.submit(&requests).context("io_submit")? == 12);
    let results = std::thread::scope(|scope| scope.spawn(|| queue.results(12)).join());
    let results = results.ok().context("a thread panicked")??;
    let moved: i64 = results.iter().map(|(_, moved)| moved).sum();
    ensure!(usize::try_from(moved) == Ok(bytes), "{moved} of {bytes}");
    work.expected.add_to_user("page_cache", bytes);
    Ok(())
}

/// Processes whose requests lie at the same addresses.
fn children(work: &mut Work) -> Result<()> {
    let file = open(&work.path("aio-children"), 0)?;
    filled(work, &file, "page_cache")?;
    let sizes: Vec<usize> = (0..4).map(|_| work.random.between(1, 90_000)).collect();
    let children: Vec<_> = sizes
        .iter()
        .map(|&bytes| {
            in_child(|| {
                let queue = AioQueue::new(4).context("io_setup")?;
                let mut buffer = vec![0; bytes];
                for _ in 0..10 {
                    let read = [AioRequest::new(AioRequest::READ, &file, &mut buffer, 0)];
                    ensure!(queue.submit(&read).context("io_submit")? == 1);
                    let results = queue.results(1).context("io_getevents")?;
                    let (address, read_bytes) = results[0];
                    ensure!(address == read[0].address(), "another request");
                    ensure!(
                        usize::try_from(read_bytes) == Ok(bytes),
                        "{read_bytes} bytes"
                    );
                }
                Ok(())
            })
        })
        .collect::<Result<_>>()?;
    for child in children {
        join(child)?;
    }
    work.expected
        .add_to_user("page_cache", 10 * sizes.iter().sum::<usize>());
    Ok(())
}
