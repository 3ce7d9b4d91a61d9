//! Messages through memory: the sender makes them in a ring, and the receiver looks at them there.
//!
//! In two scenarios both processes have the ring. In the third it belongs to the sender alone, and the
//! receiver asks the kernel to copy out of it.

use std::io::IoSliceMut;
use std::ops::DerefMut;

use anyhow::{Context, Result, ensure};
use lessons::data::Files;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};
use lessons::memory::touched_buffer;
use lessons::{Role, Scenario};
use nix::errno::Errno;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::exchange::Exchange;
use crate::messages::{MESSAGE, make, messages, place, report};
use crate::passed::memory_file;

/// Messages that can be on their way at the same time.
const PLACES: usize = 16;
const RING: usize = PLACES * MESSAGE;

/// Where the sender makes its messages.
enum Making<'buffer> {
    /// In the ring, where the receiver will look.
    InPlace,
    /// In a buffer of its own, from which it copies into the ring.
    In(&'buffer mut [u8]),
}

/// A message is made where the receiver reads it.
pub(crate) fn made_in_place(scenario: &mut Scenario, files: &Files) -> Result<()> {
    both_have_the_ring(scenario, files, Making::InPlace)
}

/// A message is made elsewhere, like data that comes from another library or device, and copied in.
pub(crate) fn copied_in(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let mut buffer = touched_buffer(MESSAGE)?;
    both_have_the_ring(scenario, files, Making::In(&mut buffer))
}

fn both_have_the_ring(scenario: &mut Scenario, files: &Files, mut making: Making) -> Result<()> {
    let mut ring = shared_ring()?;
    Exchange::run(scenario, |round, exchange| {
        report(round, files.bytes());
        round.fork(Role::Sender, || {
            send(exchange, &mut ring, &mut making, files)
        })?;
        round.fork(Role::Receiver, || {
            receive(exchange, files, |number, length| {
                exchange.received(&ring[place(number, length, RING)]);
                Ok(())
            })
        })?;
        Ok(())
    })
}

/// The ring belongs to the sender; `process_vm_readv(2)` copies out of another process's memory.
pub(crate) fn read_by_the_receiver(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let mut ring = touched_buffer(RING)?;
    let mut buffer = touched_buffer(MESSAGE)?;
    // After fork the sender's ring is at the same address, but its content is the sender's own.
    let address = ring.as_ptr().expose_provenance();
    Exchange::run(scenario, |round, exchange| {
        report(round, files.bytes());
        let sender = round.fork(Role::Sender, || {
            let_anybody_read_us();
            send(exchange, &mut ring, &mut Making::InPlace, files)
        })?;
        round.fork(Role::Receiver, || {
            receive(exchange, files, |number, length| {
                let from = address + place(number, length, RING).start;
                take(exchange, sender.pid(), from, &mut buffer[..length])
            })
        })?;
        Ok(())
    })
}

/// Where Yama restricts tracing to descendants, a process can still allow others to trace it.
fn let_anybody_read_us() {
    // SAFETY: PR_SET_PTRACER takes a process id and touches no memory. Without Yama the kernel refuses
    // it, and nobody needs it.
    unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
}

fn take(exchange: &Exchange, sender: Pid, from: usize, buffer: &mut [u8]) -> Result<()> {
    if exchange.is_refused() {
        return Ok(());
    }
    let theirs = [RemoteIoVec {
        base: from,
        len: buffer.len(),
    }];
    match process_vm_readv(sender, &mut [IoSliceMut::new(buffer)], &theirs) {
        Ok(length) => {
            ensure!(length == buffer.len(), "only {length} bytes of a message");
            exchange.received(buffer);
        }
        Err(Errno::EPERM) => exchange.refused(Errno::EPERM),
        Err(errno) => return Err(errno).context("process_vm_readv"),
    }
    Ok(())
}

/// Makes each message as soon as its place is free, and waits until the last one is taken.
fn send(
    exchange: &Exchange,
    ring: &mut impl DerefMut<Target = [u8]>,
    making: &mut Making,
    files: &Files,
) -> Result<()> {
    for (number, length) in messages(files.bytes()) {
        exchange
            .taken
            .wait_for((number + 1).saturating_sub(PLACES))?;
        let target = &mut ring[place(number, length, RING)];
        match making {
            Making::InPlace => exchange.sent(make(target, number)),
            Making::In(buffer) => {
                let message = &mut buffer[..length];
                exchange.sent(make(message, number));
                target.copy_from_slice(message);
                exchange.copied(length);
            }
        }
        exchange.made.raise()?;
    }
    exchange.taken.wait_for(messages(files.bytes()).count())
}

fn receive(
    exchange: &Exchange,
    files: &Files,
    mut look: impl FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    for (number, length) in messages(files.bytes()) {
        exchange.made.wait_for(number + 1)?;
        look(number, length)?;
        exchange.taken.raise()?;
    }
    Ok(())
}

/// Memory that parent and children share. Its pages are present before the scenario begins.
fn shared_ring() -> Result<MappingMut> {
    let file = memory_file(RING)?;
    Reserved::new(RING)?.map_mut(&file, Sharing::Shared, Filling::AtOnce)
}
