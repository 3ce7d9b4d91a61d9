//! `io_uring`: requests whose result does not tell their bytes are a loss of the scenario that submits them, and
//! the others count there, whenever they complete.

use std::{fs::File, os::unix::net::UnixStream};

use anyhow::{Context as _, Result, ensure};
use io_uring::{IoUring, opcode, squeue::Flags, types::Fd};
use nix::unistd::pipe;

use super::{
    Page,
    hidden::{BYTES, Case, missing, missing_calls},
    writeback::file,
};
use crate::{
    sys,
    workload::{Carrier, Request, Ring, number},
};

pub(super) const CASES: &[(&str, Case)] = &[
    ("ring-submitted-before", submitted_before),
    ("ring-that-outlasts", outlasts),
    ("ring-with-a-full-queue", full_queue),
    ("ring-without-an-event", without_an_event),
    ("ring-send-without-a-copy", |page, name, _| {
        let (left, _right) = UnixStream::pair().context("socketpair")?;
        let buffer = [1; BYTES];
        let send = opcode::SendZc::new(Fd(number(&left)), buffer.as_ptr(), BYTES as u32);
        one(page, name, &Request::of(send.build()))
    }),
    ("ring-truncated-receive", |page, name, _| {
        let (left, right) = UnixStream::pair().context("socketpair")?;
        sys::send(&left, &[1; 100], 0).context("send")?;
        let mut room = [0; 10];
        one(
            page,
            name,
            &Request::receive(number(&right), &mut room, libc::MSG_TRUNC),
        )
    }),
    ("ring-close", |page, name, _| {
        let (from, _into) = pipe().context("pipe")?;
        let descriptor = Fd(std::os::fd::IntoRawFd::into_raw_fd(from));
        one(
            page,
            name,
            &Request::of(opcode::Close::new(descriptor).build()),
        )
    }),
    ("ring-with-equal-names", equal_names),
];

/// One request whose bytes are a loss, whether the kernel knows it or not.
fn one(page: Page, name: &str, request: &Request) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let (cell, done) = page.scenario(name, || -> Result<_> {
        ring.push(request, 1)?;
        ring.event()
    });
    done?;
    missing_calls(page, cell, 1);
    page.expect(cell, "copied_to_user_bytes", 0);
    page.expect(cell, "copied_from_user_bytes", 0);
    Ok(())
}

/// The request is submitted before the scenario and carried out in it, where it does not count.
fn submitted_before(page: Page, name: &str, _: &File) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut room = [0; 20];
    ring.push(&Request::read(number(&from), &mut room, 0), 1)?;
    ring.submit()?;
    let (cell, done) = page.scenario(name, || -> Result<_> {
        sys::write(&into, &[1; 10]).context("write")?;
        ring.event()
    });
    ensure!(done?.1 == 10, "a short read");
    missing_calls(page, cell, 0);
    page.expect(cell, "copied_from_user_bytes.pipe", 10);
    page.expect(cell, "copied_to_user_bytes", 0);
    Ok(())
}

/// The request is submitted in the scenario and carried out after it.
fn outlasts(page: Page, name: &str, _: &File) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut room = [0; 20];
    let (cell, done) = page.scenario(name, || -> Result<_> {
        ring.push(&Request::read(number(&from), &mut room, 0), 1)?;
        ring.submit()
    });
    done?;
    sys::write(&into, &[1; 10]).context("write")?;
    ensure!(ring.event()?.1 == 10, "a short read");
    missing_calls(page, cell, 0);
    page.expect(cell, "copied_from_user_bytes", 0);
    page.expect(cell, "copied_to_user_bytes.pipe", 10);
    Ok(())
}

/// Events for which the completion queue has no place are seen by no program; afterwards all is well again.
fn full_queue(page: Page, name: &str, source: &File) -> Result<()> {
    // The completion queue is twice as long.
    const ENTRIES: usize = 4;
    let ring = IoUring::new(ENTRIES as u32).context("io_uring_setup")?;
    let mut ring = Ring::of(ring);
    let mut room = [0; BYTES];
    let request = Request::read(number(source), &mut room, 0);
    let (cell, done) = page.scenario(name, || -> Result<()> {
        for _ in 0..3 {
            (0..ENTRIES).try_for_each(|_| ring.push(&request, 1))?;
            ring.submit()?;
        }
        for _ in 0..3 * ENTRIES {
            ensure!(
                usize::try_from(ring.event()?.1) == Ok(BYTES),
                "a short read"
            );
        }
        ensure!(ring.perform(std::slice::from_ref(&request))? == [BYTES]);
        Ok(())
    });
    done?;
    missing_calls(page, cell, ENTRIES);
    page.expect(
        cell,
        "copied_to_user_bytes.page_cache",
        (2 * ENTRIES + 1) * BYTES,
    );
    Ok(())
}

/// A request whose success posts no event (`IOSQE_CQE_SKIP_SUCCESS`).
fn without_an_event(page: Page, name: &str, source: &File) -> Result<()> {
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut room = [0; BYTES];
    let read = opcode::Read::new(Fd(number(source)), room.as_mut_ptr(), BYTES as u32);
    let silent = Request::of(read.build().flags(Flags::SKIP_SUCCESS | Flags::IO_LINK));
    let last = Request::of(opcode::Nop::new().build());
    let (cell, done) = page.scenario(name, || ring_both(&mut ring, &silent, &last));
    ensure!(done? == 2, "the event is not that of the last request");
    missing_calls(page, cell, 1);
    page.expect(cell, "copied_to_user_bytes", 0);
    Ok(())
}

/// Submits two requests and returns which one the first event names.
fn ring_both(ring: &mut Ring, first: &Request, second: &Request) -> Result<u64> {
    ring.push(first, 1)?;
    ring.push(second, 2)?;
    Ok(ring.event()?.0)
}

/// Two requests that go on and have the same user data: nobody knows which of them an event belongs to.
fn equal_names(page: Page, name: &str, _: &File) -> Result<()> {
    const GROUP: u16 = 1;
    let mut ring = Ring::new(Carrier::Submitter)?;
    let mut memory = [0; 8 * 256];
    let lend = opcode::ProvideBuffers::new(memory.as_mut_ptr(), 256, 8, GROUP, 0);
    ring.one(Request::of(lend.build()))?;
    let (left, right) = UnixStream::pair().context("socketpair")?;
    let poll = opcode::PollAdd::new(Fd(number(&left)), libc::POLLIN as u32).multi(true);
    let poll = Request::of(poll.build());
    let receive = opcode::RecvMulti::new(Fd(number(&right)), GROUP);
    let receive = Request::of(receive.build());
    let (cell, done) = page.scenario(name, || -> Result<i32> {
        ring.push(&poll, 1)?;
        ring.push(&receive, 1)?;
        ring.submit()?;
        sys::send(&left, &[1; 100], 0).context("send")?;
        Ok(ring.event()?.1)
    });
    ensure!(done? == 100, "not the receive");
    missing_calls(page, cell, 1);
    page.expect(cell, "copied_to_user_bytes", 0);
    page.expect(cell, "copied_from_user_bytes.socket", 100);
    Ok(())
}

/// Polls of the ring before the test gives up: about a second, and more on an emulated CPU.
const LOOKS: u64 = 100_000_000;

/// A kernel thread polls the ring, so a request is a store and needs no call at all.
pub(super) fn polled(page: Page) -> Result<()> {
    let source = file("source", BYTES, true)?;
    let mut room = [0; BYTES];
    sys::pread(&source, &mut room, 0)?;
    let mut ring = Ring::new(Carrier::Poller)?;
    let request = Request::read(number(&source), &mut room, 0);
    // Before its first request the poller may sleep at once (`io_sq_thread`, io_uring/sqpoll.c); after one
    // it polls for some time.
    ring.push(&request, 1)?;
    ensure!(ring.event()?.1 > 0, "no result");
    let (cell, done) = page.scenario("polled", || -> Result<Option<i32>> {
        ring.push(&request, 2)?;
        // Reading a clock would be a system call where the vDSO has none.
        let mut look = || ring.ring.completion().next();
        Ok((0..LOOKS).find_map(|_| look()).map(|event| event.result()))
    });
    let done = done?;
    ensure!(
        done == i32::try_from(BYTES).ok(),
        "the poller says {done:?}"
    );
    missing(page, cell, 0, 0);
    page.expect(cell, "syscalls", 0);
    page.expect(cell, "copied_to_user_bytes.page_cache", BYTES);
    page.expect(cell, "copied_from_user_bytes", 0);
    Ok(())
}
