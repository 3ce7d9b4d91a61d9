//! Lessons that go wrong, by accident and on purpose.

use std::{fs::File, os::fd::BorrowedFd, ptr, sync::atomic::Ordering::Relaxed, time::Duration};

use anyhow::{Context as _, Result, bail, ensure};
use mmap_trace_ebpf::session::{Name, PAGE_BYTES, Role, SESSION_FD_ENV};
use nix::sched::CloneFlags;

use super::Page;
use crate::{random::Random, sys, workload::in_child};

/// A scenario that ends normally, so that the recording has something to keep.
pub(super) fn finish_one(page: Page) -> Result<()> {
    let file = File::open("/dev/zero").context("open")?;
    let mut buffer = [0; 1000];
    let (_, read) = page.scenario("before", || sys::read(&file, &mut buffer));
    read.context("read")?;
    Ok(())
}

/// Enters a scenario that never ends.
fn enter_another(page: Page) -> Result<()> {
    finish_one(page)?;
    let cell = page.claim("cut-off");
    page.enter(0, Some(cell));
    Ok(())
}

pub(super) fn crash(page: Page) -> Result<()> {
    enter_another(page)?;
    std::process::abort()
}

pub(super) fn fail(page: Page) -> Result<()> {
    enter_another(page)?;
    bail!("this lesson fails on purpose")
}

pub(super) fn killed(page: Page) -> Result<()> {
    enter_another(page)?;
    nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL).context("raise")
}

pub(super) fn endless(page: Page) -> Result<()> {
    enter_another(page)?;
    let cell = page.claim("child");
    page.fork(1, cell, Role::Reader, wait_for_ever)?;
    wait_for_ever()
}

fn wait_for_ever() -> Result<()> {
    loop {
        std::thread::sleep(Duration::from_secs(1000));
    }
}

/// Truncates the page while the tracer reads it 20 times a second.
pub(super) fn cut_page(page: Page) -> Result<()> {
    finish_one(page)?;
    let number = std::env::var(SESSION_FD_ENV).context("the session descriptor")?;
    let number = number
        .parse()
        .context("the session descriptor is no number")?;
    // SAFETY: `Page::inherited` left it open.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    let cut = nix::unistd::ftruncate(descriptor, 0);
    std::thread::sleep(Duration::from_millis(200));
    ensure!(cut.is_err(), "the page could be cut off");
    Ok(())
}

/// Writes large values into every index and length.
pub(super) fn counts_too_large(page: Page) -> Result<()> {
    finish_one(page)?;
    for count in [
        &page.0.scenario_count,
        &page.0.cell_count,
        &page.0.observation_count,
    ] {
        count.store(u32::MAX, Relaxed);
    }
    for cell in &page.0.cells[10..] {
        cell.scenario.store(u32::MAX, Relaxed);
        cell.state.store(u32::MAX, Relaxed);
    }
    for slot in &page.0.slots {
        slot.cell.store(u32::MAX, Relaxed);
        slot.role.store(u32::MAX, Relaxed);
        slot.child_slot.store(u32::MAX, Relaxed);
    }
    // Events and a child must not follow these values.
    let _ = sys::plain(libc::SYS_getppid);
    crate::workload::join(in_child(|| Ok(()))?)
}

/// Names with invalid UTF-8 or with control characters.
pub(super) fn wild_names(page: Page) -> Result<()> {
    finish_one(page)?;
    for (name, bytes) in [
        ("a", &b"\xff\xfe\xc3\x28\x80"[..]),
        ("b", &b"\x1b[2J\x1b]0;owned\x07"[..]),
        ("c", &b"line\nbreak\ttab\rreturn"[..]),
        ("d", &b"\xc2\x9b31m\xe2\x80\xae"[..]),
    ] {
        let (cell, ()) = page.scenario(name, || ());
        page.observe(cell, name, "", 1);
        let index = page.0.scenario_count.load(Relaxed) as usize - 1;
        overwrite(&page.0.scenario_names[index], bytes);
        let index = page.0.observation_count.load(Relaxed) as usize - 1;
        overwrite(&page.0.observations[index].name, bytes);
        overwrite(&page.0.observations[index].by, bytes);
    }
    Ok(())
}

fn overwrite(place: &Name, bytes: &[u8]) {
    for (target, byte) in place.iter().zip(bytes) {
        target.store(*byte, Relaxed);
    }
}

/// Overwrites all of the page, including the magic word.
pub(super) fn random_bytes(page: Page) -> Result<()> {
    let mut random = Random::new(Random::fresh_seed());
    let start = ptr::from_ref(page.0).cast_mut().cast::<u8>();
    for offset in 0..PAGE_BYTES {
        // SAFETY: within the mapping, which is shared and writable.
        unsafe { ptr::write_volatile(start.add(offset), random.between(0, 255) as u8) };
    }
    let _ = sys::plain(libc::SYS_getppid);
    crate::workload::join(in_child(|| Ok(()))?)
}

/// Writes until the file system is full.
pub(super) fn fill_the_disk(page: Page) -> Result<()> {
    enter_another(page)?;
    let file = File::create("everything").context("create")?;
    let buffer = vec![1; 1 << 20];
    loop {
        sys::write(&file, &buffer).context("write")?;
    }
}

/// Leaves a process that forks and exits, as its child does, and so on for longer than a test may take.
pub(super) fn start_a_chain(page: Page) -> Result<()> {
    finish_one(page)?;
    in_child(|| {
        let begin = std::time::Instant::now();
        while begin.elapsed() < Duration::from_mins(6) {
            // SAFETY: the process has one thread, and the parent ends at once.
            unsafe {
                if libc::fork() > 0 {
                    libc::_exit(0);
                }
            }
            let _ = nix::unistd::setsid();
        }
        Ok(())
    })?;
    Ok(())
}

/// The same in a lesson that does not end.
pub(super) fn endless_chain(page: Page) -> Result<()> {
    start_a_chain(page)?;
    wait_for_ever()
}

/// Forks children that outlive the lesson: one in its own session, one in its own namespaces, one stopped.
pub(super) fn leave_processes_behind(page: Page) -> Result<()> {
    finish_one(page)?;
    in_child(wait_for_ever)?;
    in_child(|| {
        // A kernel may forbid it.
        let _ = nix::sched::unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWUTS);
        in_child(wait_for_ever)?;
        wait_for_ever()
    })?;
    in_child(|| {
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP).context("raise")?;
        wait_for_ever()
    })?;
    in_child(|| {
        nix::unistd::setsid().context("setsid")?;
        in_child(wait_for_ever)?;
        Ok(())
    })?;
    Ok(())
}
