//! Bytes that no probe can see, hidden by several kinds of call. Each scenario announces its losses, and one
//! that hides nothing must lose nothing.

use std::{
    fs::File,
    os::{fd::AsRawFd as _, unix::fs::OpenOptionsExt as _},
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::pipe;

use super::{Page, page::Cell, rings, writeback::file};
use crate::{
    sys::{self, AioRequest},
    workload::udp_pair,
};

/// The bytes that each case moves.
pub(super) const BYTES: usize = 16 << 10;

/// Prepares a case and returns its scenario.
pub(super) type Case = fn(Page, &str, &File) -> Result<()>;

const CASES: &[(&str, Case)] = &[
    ("plain-read", plain),
    ("closed-meanwhile", closed),
    ("replaced-meanwhile", replaced),
    ("replaced-and-back", replaced_and_back),
    ("datagram-pinned", pinned_datagram),
    ("aio-without-a-call", aio_without_a_call),
    ("aio-twice", aio_twice),
    ("aio-direct-and-copied", aio_direct_and_copied),
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
    // SAFETY: the number is a duplicate that nobody owns, and nothing is opened meanwhile.
    while_blocked(page, name, |number| match unsafe { libc::close(number) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    })
}

/// When the call returns, its descriptor means a regular file.
fn replaced(page: Page, name: &str, source: &File) -> Result<()> {
    while_blocked(page, name, |number| sys::put_at(source, number))
}

/// The number means a regular file, a pipe while the call begins, and the regular file again.
fn replaced_and_back(page: Page, name: &str, source: &File) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let number = sys::duplicate(source).context("dup")?;
    let may_read = AtomicBool::new(false);
    let (cell, read) = page.scenario(name, || -> Result<usize> {
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                while !may_read.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
                sys::read(&number, &mut [0; 64])
            });
            std::thread::sleep(BLOCKED);
            sys::put_at(&from, number.as_raw_fd()).context("dup2")?;
            may_read.store(true, Ordering::Release);
            std::thread::sleep(BLOCKED);
            sys::put_at(source, number.as_raw_fd()).context("dup2")?;
            sys::write(&into, &[1; 10]).context("write")?;
            reader.join().unwrap_or(Ok(0)).context("read")
        })
    });
    ten_bytes_lost(page, cell, read)
}

/// How long it takes at most until a thread is blocked in its call.
const BLOCKED: std::time::Duration = std::time::Duration::from_millis(100);

/// Blocks a thread in read(2) on a pipe while `change` works on its descriptor.
fn while_blocked(
    page: Page,
    name: &str,
    change: impl Fn(i32) -> std::io::Result<()>,
) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let number = std::mem::ManuallyDrop::new(sys::duplicate(&from).context("dup")?);
    let (cell, read) = page.scenario(name, || -> Result<usize> {
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| sys::read(&*number, &mut [0; 64]));
            // The sleeping reader holds the file, so closing only frees the number.
            std::thread::sleep(BLOCKED);
            change(number.as_raw_fd()).context("the change")?;
            sys::write(&into, &[1; 10]).context("write")?;
            reader.join().unwrap_or(Ok(0)).context("read")
        })
    });
    ten_bytes_lost(page, cell, read)
}

fn ten_bytes_lost(page: Page, cell: Cell, read: Result<usize>) -> Result<()> {
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

/// The program takes the event from memory, where no program sees it.
fn aio_without_a_call(page: Page, name: &str, source: &File) -> Result<()> {
    let mut buffer = [1; BYTES];
    let queue = sys::AioQueue::new(1).context("io_setup")?;
    let request = [AioRequest::new(AioRequest::READ, source, &mut buffer, 0)];
    let (cell, submitted) = page.scenario(name, || queue.submit(&request));
    ensure!(submitted.context("io_submit")? == 1);
    ensure!(
        usize::try_from(queue.first_result_in_memory()) == Ok(BYTES),
        "a short read"
    );
    missing_calls(page, cell, 1);
    Ok(())
}

/// A request was submitted again before anybody took its event: which one an event belongs to is unknown.
fn aio_twice(page: Page, name: &str, source: &File) -> Result<()> {
    let mut buffer = [1; BYTES];
    let queue = sys::AioQueue::new(2).context("io_setup")?;
    let request = [AioRequest::new(AioRequest::READ, source, &mut buffer, 0)];
    let (cell, results) = page.scenario(name, || {
        queue.submit(&request)?;
        queue.submit(&request)?;
        queue.results(2)
    });
    let results = results.context("native AIO")?;
    ensure!(
        results
            .iter()
            .all(|(_, read)| usize::try_from(*read) == Ok(BYTES))
    );
    missing_calls(page, cell, 2);
    page.expect(cell, "copied_to_user_bytes", 0);
    Ok(())
}

/// A transfer and a copy in one call: nobody knows which of them fell back.
fn aio_direct_and_copied(page: Page, name: &str, source: &File) -> Result<()> {
    let direct = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open("source")
        .context("open(O_DIRECT)")?;
    let mut memory = memmap2::MmapOptions::new().len(2 * BYTES).map_anon()?;
    memory.fill(1);
    let (first, second) = memory.split_at_mut(BYTES);
    let queue = sys::AioQueue::new(2).context("io_setup")?;
    let requests = [
        AioRequest::new(AioRequest::READ, &direct, first, 0),
        AioRequest::new(AioRequest::READ, source, second, 0),
    ];
    let (cell, results) = page.scenario(name, || {
        queue.submit(&requests)?;
        queue.results(2)
    });
    let results = results.context("native AIO")?;
    ensure!(
        results
            .iter()
            .all(|(_, read)| usize::try_from(*read) == Ok(BYTES))
    );
    missing(page, cell, BYTES, BYTES);
    page.expect(cell, "direct_read_bytes", 0);
    page.expect(cell, "copied_to_user_bytes.page_cache", BYTES);
    Ok(())
}
