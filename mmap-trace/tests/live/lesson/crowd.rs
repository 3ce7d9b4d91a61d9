//! Many processes blocked in the same call, and a call interrupted by a signal handler.

use std::{
    os::fd::OwnedFd,
    sync::atomic::{AtomicI32, AtomicUsize, Ordering::Relaxed},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use mmap_trace_ebpf::session::Role;
use nix::{
    sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction},
    unistd::{Pid, pipe},
};

use super::{Page, map::Map, writeback};
use crate::{random::Random, sys, workload::join};

const READERS: usize = 60;

/// All readers wait in read(2) before the first byte is written.
pub(super) fn blocked_readers(page: Page) -> Result<()> {
    let mut random = Random::new(Random::fresh_seed());
    let cell = page.claim("readers");
    let mut readers: Vec<(Pid, OwnedFd)> = Vec::new();
    for _ in 0..READERS {
        let (receiver, sender) = pipe().context("pipe")?;
        let reader = page.fork(1, cell, Role::Reader, || {
            let mut buffer = [0; 4096];
            let read = sys::read(&receiver, &mut buffer).context("read")?;
            ensure!(read > 0, "nothing came");
            Ok(())
        })?;
        readers.push((reader, sender));
    }
    for (reader, _) in &readers {
        wait_until_blocked(*reader)?;
    }
    let mut sum = 0;
    for (_, sender) in &readers {
        let bytes = random.between(1, 4096);
        sum += sys::write(sender, &vec![1; bytes]).context("write")?;
    }
    for (reader, _) in readers {
        join(reader)?;
    }
    page.finish(cell);
    page.expect(cell, "syscalls.read", READERS);
    page.expect(cell, "copied_to_user_bytes.pipe", sum);
    page.expect(cell, "copied_to_user_bytes", sum);
    Ok(())
}

/// Polls /proc/PID/syscall, which names the call in which a process sleeps.
fn wait_until_blocked(pid: Pid) -> Result<()> {
    let begin = Instant::now();
    let read = format!("{} ", libc::SYS_read);
    loop {
        let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
        if call.starts_with(&read) {
            return Ok(());
        }
        ensure!(
            begin.elapsed() < Duration::from_secs(20),
            "reader {pid} does not wait: {call}"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The pipe that the handler uses, and the number of its runs.
static PIPE: [AtomicI32; 2] = [AtomicI32::new(-1), AtomicI32::new(-1)];
static INTERRUPTIONS: AtomicUsize = AtomicUsize::new(0);

/// Reads into untouched pages while a signal handler moves bytes through a pipe.
pub(super) fn interrupted(page: Page) -> Result<()> {
    const PIECE: usize = 64 << 10;
    const PIECES: usize = 400;
    let source = writeback::file("source", PIECE, true)?;
    let ends = pipe().context("pipe")?;
    for (place, end) in PIPE.iter().zip([&ends.0, &ends.1]) {
        place.store(std::os::fd::AsRawFd::as_raw_fd(end), Relaxed);
    }
    let mut target = Map::new(
        None,
        PIECES * PIECE,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE,
    )?;
    let action = SigAction::new(
        SigHandler::Handler(interrupt),
        SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    // SAFETY: the handler makes system calls only.
    unsafe { sigaction(Signal::SIGALRM, &action) }.context("sigaction")?;
    let (cell, result) = page.scenario("interrupted", || -> Result<()> {
        set_timer(200);
        for piece in target.bytes().chunks_mut(PIECE) {
            let read = sys::pread(&source, piece, 0).context("pread")?;
            ensure!(read == PIECE, "{read} bytes");
        }
        set_timer(0);
        Ok(())
    });
    result?;
    let interruptions = INTERRUPTIONS.load(Relaxed);
    ensure!(interruptions > 0, "no signal came");
    page.expect(cell, "copied_to_user_bytes.page_cache", PIECES * PIECE);
    page.expect(cell, "copied_to_user_bytes.pipe", interruptions);
    page.expect(cell, "copied_from_user_bytes.pipe", interruptions);
    page.expect(cell, "syscalls.write", interruptions);
    Ok(())
}

extern "C" fn interrupt(_: i32) {
    let mut byte = 1_u8;
    let [out, into] = [PIPE[0].load(Relaxed), PIPE[1].load(Relaxed)];
    // SAFETY: one byte of our own stack, and a pipe that stays open.
    let moved = unsafe {
        libc::write(into, (&raw const byte).cast(), 1) + libc::read(out, (&raw mut byte).cast(), 1)
    };
    if moved == 2 {
        INTERRUPTIONS.fetch_add(1, Relaxed);
    }
}

/// Sends SIGALRM at this interval; 0 stops it.
fn set_timer(microseconds: i64) {
    let every = libc::timeval {
        tv_sec: 0,
        tv_usec: microseconds,
    };
    let timer = libc::itimerval {
        it_interval: every,
        it_value: every,
    };
    // SAFETY: reads the timer only.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) };
}
