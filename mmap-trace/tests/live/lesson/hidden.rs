//! Bytes that no probe can see, hidden by several kinds of call. Each scenario announces its losses, and one
//! that hides nothing must lose nothing.

use std::{fs::File, os::fd::AsRawFd as _};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::pipe;

use super::{Page, page::Cell, rings, writeback::file};
use crate::{
    sys,
    workload::{in_child, join, udp_pair},
};

/// The bytes that each case moves.
pub(super) const BYTES: usize = 16 << 10;

/// Prepares a case and returns its scenario.
pub(super) type Case = fn(Page, &str, &File) -> Result<()>;

const CASES: &[(&str, Case)] = &[
    ("plain-read", plain),
    ("closed-meanwhile", closed),
    ("datagram-pinned", pinned_datagram),
    ("native-aio", native_aio),
    #[cfg(target_arch = "x86_64")]
    ("call-of-32-bits", narrow),
];

pub(super) fn play(page: Page) -> Result<()> {
    let source = file("source", BYTES, true)?;
    for (name, case) in CASES.iter().chain(rings::CASES) {
        sys::pread(&source, &mut [0; BYTES], 0)?;
        case(page, name, &source).with_context(|| (*name).to_owned())?;
    }
    Ok(())
}

/// The losses of each direction, in bytes or calls.
pub(super) fn missing(page: Page, cell: Cell, to_user: usize, from_user: usize) {
    for (key, lost) in [
        ("copied_to_user_bytes", to_user),
        ("copied_from_user_bytes", from_user),
    ] {
        page.observe(cell, "missing", key, i64::try_from(lost).unwrap_or(-1));
    }
}

/// A call whose bytes are hidden is a loss in both directions.
pub(super) fn missing_calls(page: Page, cell: Cell, calls: usize) {
    missing(page, cell, calls, calls);
}

fn plain(page: Page, name: &str, source: &File) -> Result<()> {
    let mut buffer = [1; BYTES];
    let (cell, read) = page.scenario(name, || sys::pread(source, &mut buffer, 0));
    ensure!(read? == BYTES);
    missing_calls(page, cell, 0);
    page.expect(cell, "copied_to_user_bytes.page_cache", BYTES);
    Ok(())
}

/// When the call returns, its descriptor is gone and with it the kind of its file.
fn closed(page: Page, name: &str, _: &File) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let number = from.as_raw_fd();
    let (cell, read) = page.scenario(name, || -> Result<usize> {
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| sys::read(&from, &mut [0; 64]));
            // The sleeping reader holds the file, so closing only frees the number.
            std::thread::sleep(std::time::Duration::from_millis(100));
            // SAFETY: the number is forgotten below, and nothing is opened meanwhile.
            ensure!(unsafe { libc::close(number) } == 0, "close");
            sys::write(&into, &[1; 10]).context("write")?;
            let read = reader.join().unwrap_or(Ok(0));
            read.context("read")
        })
    });
    std::mem::forget(from);
    ensure!(read? == 10, "the pipe had 10 bytes");
    missing(page, cell, 10, 0);
    page.expect(cell, "copied_to_user_bytes", 0);
    page.expect(cell, "copied_from_user_bytes.pipe", 10);
    Ok(())
}

/// The device of the route decides whether a datagram's pages are pinned (`__ip_append_data`).
fn pinned_datagram(page: Page, name: &str, _: &File) -> Result<()> {
    let (left, right) = udp_pair()?;
    sys::allow_pinning(&left).context("setsockopt(SO_ZEROCOPY)")?;
    let (cell, sent) = page.scenario(name, || sys::send(&left, &[1; 5000], libc::MSG_ZEROCOPY));
    ensure!(sent.context("send")? == 5000);
    ensure!(sys::receive(&right, &mut [0; 5000], 0)? == 5000);
    missing_calls(page, cell, 1);
    Ok(())
}

fn native_aio(page: Page, name: &str, source: &File) -> Result<()> {
    let mut buffer = [1; BYTES];
    let queue = sys::AioQueue::new().context("io_setup")?;
    let (cell, read) = page.scenario(name, || queue.read(source, &mut buffer));
    ensure!(read.context("io_submit")? == BYTES, "a short read");
    missing_calls(page, cell, 1);
    Ok(())
}

/// The arguments of a 32-bit call are in other registers. A kernel without such calls kills the caller.
#[cfg(target_arch = "x86_64")]
fn narrow(page: Page, name: &str, _: &File) -> Result<()> {
    let (cell, is_known) = page.scenario(name, || -> Result<bool> {
        Ok(join(in_child(|| {
            ensure!(sys::getpid_of_32_bits() == std::process::id());
            Ok(())
        })?)
        .is_ok())
    });
    missing_calls(page, cell, usize::from(is_known?));
    Ok(())
}
