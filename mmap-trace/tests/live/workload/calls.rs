//! Workloads with the same number of system calls in every run, by one thread, by forked processes and by
//! threads, for the comparison with strace and perf.

use std::{
    ffi::{c_int, c_void},
    fs::File,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use nix::errno::Errno;

use super::{Play, Work, files::open, in_child, join};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("calls-alone", alone),
    ("calls-forking", forking),
    ("calls-threads", threads),
    ("calls-that-hide-bytes", hide),
];

/// Calls of every class that is counted separately.
fn alone(work: &mut Work) -> Result<()> {
    let file = open(&work.path("calls"), 0)?;
    let mut buffer = vec![1; 5000];
    for n in 0..work.random.between(1, 50) {
        sys::pwrite(&file, &buffer, n)?;
        sys::pread(&file, &mut buffer, n)?;
        sys::plain(libc::SYS_getppid)?;
        drop(File::open("/proc/self/stat"));
        // A call that fails counts too.
        let _ = File::open("/nowhere");
    }
    sys::sync(libc::SYS_fdatasync, &file)?;
    let target = open(&work.path("copied"), 0)?;
    sys::copy_file_range(&file, &target, 1000)?;
    sys::sync(libc::SYS_fsync, &target)?;
    Ok(())
}

/// Children and grandchildren.
fn forking(work: &mut Work) -> Result<()> {
    for n in 0..work.random.between(1, 5) {
        let child = in_child(|| {
            for _ in 0..n * 10 {
                sys::plain(libc::SYS_getppid)?;
            }
            join(in_child(|| alone(work))?)
        })?;
        join(child)?;
    }
    Ok(())
}

/// The orders of a thread that has no runtime.
struct Order {
    calls: u32,
    done: AtomicU32,
}

/// The body of a thread without thread-local storage, which must not call a library that needs it.
extern "C" fn obey(order: *mut c_void) -> c_int {
    // SAFETY: the parent keeps the order alive until `done`.
    let order = unsafe { &*order.cast::<Order>() };
    for _ in 0..order.calls {
        let _ = sys::plain(libc::SYS_getppid);
    }
    order.done.store(1, Ordering::Release);
    0
}

/// Uses clone(2) directly, because threads of a library wait for each other with a varying number of calls.
fn threads(work: &mut Work) -> Result<()> {
    const STACK: usize = 256 << 10;
    let flags = libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SYSVSEM;
    for _ in 0..4 {
        let order = Box::leak(Box::new(Order {
            calls: work.random.between(1, 500) as u32,
            done: AtomicU32::new(0),
        }));
        // The stack is never freed, because the thread may not have left it yet.
        let top = vec![0_u8; STACK].leak().as_mut_ptr_range().end;
        let top = top.map_addr(|address| address & !15);
        let argument: *mut c_void = (&raw mut *order).cast();
        // SAFETY: stack and order live for ever, `obey` uses nothing of this thread's.
        Errno::result(unsafe { libc::clone(obey, top.cast(), flags, argument) })
            .context("clone")?;
        while order.done.load(Ordering::Acquire) == 0 {
            std::hint::spin_loop();
        }
    }
    Ok(())
}

/// Receives messages whose lengths say more than was copied (`MSG_TRUNC`).
fn hide(_work: &mut Work) -> Result<()> {
    let (from, into) = super::udp_pair()?;
    sys::send(&from, &[1; 100], 0).context("send")?;
    let mut room = [1; 10];
    sys::many_messages(libc::SYS_recvmmsg, &into, &mut room, 1, libc::MSG_TRUNC)
        .context("recvmmsg")?;
    Ok(())
}
