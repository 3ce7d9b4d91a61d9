//! `io_uring`: requests and results pass through shared memory, and the kernel moves the bytes in the
//! caller's task, a worker's or a poller's.

use std::{
    fs::File,
    os::fd::{AsRawFd as _, RawFd},
};

use anyhow::{Context as _, Result, ensure};
use io_uring::{IoUring, opcode, squeue, types::Fd};
use libc::{MAP_PRIVATE, PROT_READ, PROT_WRITE};
use nix::unistd::pipe;

use super::{
    Page,
    hidden::{BYTES, Case, missing_calls},
    map::Map,
    writeback::file,
};
use crate::sys;

pub(super) const CASES: &[(&str, Case)] = &[
    ("ring-read", |page, name, source| {
        let mut buffer = memory(Pages::Touched)?;
        one(page, name, &read(source, &mut buffer))
    }),
    ("ring-read-by-a-worker", |page, name, source| {
        let mut buffer = memory(Pages::Untouched)?;
        let request = read(source, &mut buffer).flags(squeue::Flags::ASYNC);
        one(page, name, &request)
    }),
    ("ring-write", |page, name, _| {
        let target = file("ring-target", BYTES, true)?;
        let mut buffer = memory(Pages::Touched)?;
        one(page, name, &write(&target, &mut buffer))
    }),
    ("ring-read-registered", |page, name, source| {
        registered(page, name, |start| {
            let fd = Fd(source.as_raw_fd());
            opcode::ReadFixed::new(fd, start, BYTES as u32, 0).build()
        })
    }),
    ("ring-write-registered", |page, name, _| {
        let target = file("ring-target", BYTES, true)?;
        registered(page, name, |start| {
            let fd = Fd(target.as_raw_fd());
            opcode::WriteFixed::new(fd, start, BYTES as u32, 0).build()
        })
    }),
    ("ring-waited-for", waited_for),
];

/// Whether the target is touched before the kernel copies into it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pages {
    Touched,
    Untouched,
}

fn memory(pages: Pages) -> Result<Map> {
    let map = Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    if pages == Pages::Touched {
        map.store_each();
    }
    Ok(map)
}

fn read_from(descriptor: RawFd, buffer: &mut Map, bytes: usize) -> squeue::Entry {
    opcode::Read::new(Fd(descriptor), buffer.start(), bytes as u32).build()
}

fn read(source: &File, buffer: &mut Map) -> squeue::Entry {
    read_from(source.as_raw_fd(), buffer, BYTES)
}

fn write(target: &File, buffer: &mut Map) -> squeue::Entry {
    opcode::Write::new(Fd(target.as_raw_fd()), buffer.start(), BYTES as u32).build()
}

fn push(ring: &mut IoUring, request: &squeue::Entry) -> Result<()> {
    // SAFETY: every case keeps its memory and its file until the request is complete.
    unsafe { ring.submission().push(request) }.context("the ring is full")
}

fn result(ring: &mut IoUring) -> Option<i32> {
    ring.completion().next().map(|entry| entry.result())
}

/// One request, submitted by a call that also waits for it.
fn one(page: Page, name: &str, request: &squeue::Entry) -> Result<()> {
    on(
        page,
        name,
        IoUring::new(4).context("io_uring_setup")?,
        request,
    )
}

fn on(page: Page, name: &str, mut ring: IoUring, request: &squeue::Entry) -> Result<()> {
    let (cell, done) = page.scenario(name, || -> Result<Option<i32>> {
        push(&mut ring, request)?;
        ring.submit_and_wait(1).context("io_uring_enter")?;
        Ok(result(&mut ring))
    });
    ensure!(done? == i32::try_from(BYTES).ok(), "a short request");
    missing_calls(page, cell, 1);
    page.expect(cell, "copied_to_user_bytes", 0);
    page.expect(cell, "copied_from_user_bytes", 0);
    Ok(())
}

/// The kernel pins the pages of a registered buffer, and the CPU copies all the same.
fn registered(
    page: Page,
    name: &str,
    request: impl FnOnce(*mut u8) -> squeue::Entry,
) -> Result<()> {
    let buffer = memory(Pages::Touched)?;
    let ring = IoUring::new(4).context("io_uring_setup")?;
    let whole = libc::iovec {
        iov_base: buffer.start().cast(),
        iov_len: BYTES,
    };
    // SAFETY: the buffer outlives the ring, which `on` drops.
    unsafe { ring.submitter().register_buffers(&[whole]) }.context("io_uring_register")?;
    on(page, name, ring, &request(buffer.start()))
}

/// The request is submitted before the scenario and carried out in it; the call that waits submits nothing.
fn waited_for(page: Page, name: &str, _: &File) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let mut ring = IoUring::new(4).context("io_uring_setup")?;
    let mut buffer = memory(Pages::Touched)?;
    push(&mut ring, &read_from(from.as_raw_fd(), &mut buffer, 10))?;
    ring.submit().context("io_uring_enter")?;
    let (cell, done) = page.scenario(name, || -> Result<Option<i32>> {
        sys::write(&into, &[1; 10]).context("write")?;
        ring.submit_and_wait(1).context("io_uring_enter")?;
        Ok(result(&mut ring))
    });
    ensure!(done? == Some(10), "a short read");
    missing_calls(page, cell, 1);
    page.expect(cell, "copied_from_user_bytes.pipe", 10);
    Ok(())
}

/// Polls of the ring before the test gives up: about a second, and more on an emulated CPU.
const LOOKS: u64 = 100_000_000;

/// A kernel thread polls the ring, so a request is a store and needs no call at all.
pub(super) fn polled(page: Page) -> Result<()> {
    let source = file("source", BYTES, true)?;
    sys::pread(&source, &mut [0; BYTES], 0)?;
    let mut ring = IoUring::builder()
        .setup_sqpoll(20_000)
        .build(4)
        .context("io_uring_setup(IORING_SETUP_SQPOLL)")?;
    let mut buffer = memory(Pages::Touched)?;
    let request = read(&source, &mut buffer);
    // Before its first request the poller may sleep at once (`io_sq_thread`, io_uring/sqpoll.c); after one
    // it polls for as long as was set above.
    push(&mut ring, &request)?;
    ring.submit_and_wait(1).context("io_uring_enter")?;
    ensure!(result(&mut ring).is_some(), "no result");
    let (cell, done) = page.scenario("polled", || -> Result<Option<i32>> {
        push(&mut ring, &request)?;
        // Reading a clock would be a system call where the vDSO has none.
        Ok((0..LOOKS).find_map(|_| result(&mut ring)))
    });
    let done = done?;
    ensure!(
        done == i32::try_from(BYTES).ok(),
        "the poller says {done:?}"
    );
    page.expect(cell, "syscalls", 0);
    Ok(())
}
