//! Descendants that try to leave the traced program's sight: they enter namespaces, sessions and processes of
//! their own. Each works to the byte, whether it was allowed to leave or not.

use std::{fs::File, os::fd::AsFd as _};

use anyhow::{Context as _, Result, ensure};
use nix::{
    errno::Errno,
    sched::{CloneFlags, setns, unshare},
    unistd::{Pid, pipe, setsid},
};

use super::{Play, Work, files::open, in_child, join};
use crate::{harness::Pace, sys};

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("unshare-uts", |work| {
        unshared(work, CloneFlags::CLONE_NEWUTS)
    }),
    ("unshare-user", |work| {
        unshared(work, CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWUTS)
    }),
    ("unshare-pid", pid_namespace),
    ("clone3-uts", cloned),
    ("setns-uts", joined),
    ("daemon", daemon),
    ("thread-in-namespace", thread),
    ("ids-32768-apart", apart),
];

/// Reads and writes as many bytes as `part` says, through a file of its own.
fn transfer(part: &Part) -> Result<()> {
    let file = open(&part.path, 0)?;
    let mut buffer = vec![1; part.bytes];
    ensure!(sys::pwrite(&file, &buffer, 0)? == part.bytes, "pwrite");
    ensure!(sys::pread(&file, &mut buffer, 0)? == part.bytes, "pread");
    Ok(())
}

/// What one process transfers.
struct Part {
    path: std::path::PathBuf,
    bytes: usize,
}

impl Part {
    /// The next part, which the tracer must count.
    fn of(work: &mut Work) -> Self {
        let bytes = work.random.between(1, 90_000);
        work.parts += 1;
        work.expected.both("page_cache", bytes);
        Part {
            path: work.path(&format!("part-{}", work.parts)),
            bytes,
        }
    }
}

/// A test in a container, or a lesson, may not be allowed to make namespaces.
fn unless_refused(result: nix::Result<()>) -> Result<()> {
    match result {
        Ok(()) | Err(Errno::EPERM | Errno::ENOSPC | Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno).context("a namespace"),
    }
}

fn unshared(work: &mut Work, flags: CloneFlags) -> Result<()> {
    let (own, child) = (Part::of(work), Part::of(work));
    join(in_child(|| {
        unless_refused(unshare(flags))?;
        transfer(&own)?;
        join(in_child(|| transfer(&child))?)
    })?)
}

/// The children of a process that unshares its pid namespace have other ids there.
fn pid_namespace(work: &mut Work) -> Result<()> {
    let parts = [Part::of(work), Part::of(work)];
    join(in_child(|| {
        unless_refused(unshare(
            CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWPID,
        ))?;
        let [first, second] = &parts;
        join(in_child(|| {
            transfer(first)?;
            join(in_child(|| transfer(second))?)
        })?)
    })?)
}

/// A child that is born in a namespace of its own.
fn cloned(work: &mut Work) -> Result<()> {
    let part = Part::of(work);
    // struct clone_args: flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls.
    let mut arguments = [0_u64; 8];
    arguments[0] = (libc::CLONE_NEWUTS as u64) | (libc::CLONE_NEWIPC as u64);
    arguments[4] = libc::SIGCHLD as u64;
    // SAFETY: without CLONE_VM the child has its own copy of the memory, as after fork(2).
    let made = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            arguments.as_ptr(),
            size_of_val(&arguments),
        )
    };
    match Errno::result(made) {
        Ok(0) => {
            let code = i32::from(transfer(&part).is_err());
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(code) }
        }
        Ok(child) => join(Pid::from_raw(child as i32)),
        Err(errno) => {
            unless_refused(Err(errno))?;
            transfer(&part)
        }
    }
}

/// A child that enters the namespace of another process.
fn joined(work: &mut Work) -> Result<()> {
    let part = Part::of(work);
    // The host of the namespace closes `told` when it is there, and then waits to be killed.
    let (ready, told) = pipe().context("pipe")?;
    let (never, _open) = pipe().context("pipe")?;
    let host = in_child(|| {
        unless_refused(unshare(CloneFlags::CLONE_NEWUTS))?;
        drop(told);
        sys::read(&never, &mut [0])?;
        Ok(())
    })?;
    ensure!(sys::read(&ready, &mut [0])? == 0, "the host wrote");
    let namespace = File::open(format!("/proc/{host}/ns/uts")).context("ns/uts")?;
    join(in_child(|| {
        unless_refused(setns(namespace.as_fd(), CloneFlags::CLONE_NEWUTS))?;
        transfer(&part)
    })?)?;
    nix::sys::signal::kill(host, nix::sys::signal::Signal::SIGKILL).context("kill")?;
    nix::sys::wait::waitpid(host, None).context("waitpid")?;
    Ok(())
}

/// A daemon: its parents have ended, and it has a session of its own. The pipe tells when it has ended.
fn daemon(work: &mut Work) -> Result<()> {
    let part = Part::of(work);
    let (from, into) = pipe().context("pipe")?;
    join(in_child(|| {
        setsid().context("setsid")?;
        in_child(|| transfer(&part)).map(drop)
    })?)?;
    drop(into);
    ensure!(sys::read(&from, &mut [0])? == 0, "the daemon wrote");
    Ok(())
}

/// Living processes whose ids share their low bits, as on a machine that has started many processes.
fn apart(work: &mut Work) -> Result<()> {
    const APART: u32 = 32768;
    let (from, into) = pipe().context("pipe")?;
    let mut children = Vec::new();
    for n in 1..=3 {
        let part = Part::of(work);
        work.expected.both("pipe", 1);
        ask_for_id(work, std::process::id() + n * APART);
        let next = in_child(|| {
            sys::read(&from, &mut [0])?;
            transfer(&part)
        })?;
        children.push(next);
    }
    for _ in &children {
        sys::write(&into, &[0])?;
    }
    for child in children {
        join(child)?;
    }
    transfer(&Part::of(work))
}

/// Asks the kernel for the id of the next process; only root may, and only below `kernel.pid_max`, which a VM may
/// raise.
fn ask_for_id(work: &mut Work, id: u32) {
    let mut set = |setting: &str, value: u32| {
        let path = format!("/proc/sys/kernel/{setting}");
        let Ok(file) = File::options().write(true).open(path) else {
            return;
        };
        if let Ok(written) = sys::write(&file, value.to_string().as_bytes()) {
            work.expected.add_from_user("other", written);
        }
    };
    if Pace::here() == Pace::Vm {
        set("pid_max", 4_194_304);
    }
    set("ns_last_pid", id - 1);
}

/// One thread of several enters a namespace, and the process ends from there.
fn thread(work: &mut Work) -> Result<()> {
    let (inside, outside) = (Part::of(work), Part::of(work));
    join(in_child(|| {
        let moved = std::thread::spawn(move || {
            unless_refused(unshare(CloneFlags::CLONE_NEWUTS))?;
            transfer(&inside)
        });
        moved
            .join()
            .unwrap_or_else(|_| anyhow::bail!("a thread panicked"))?;
        transfer(&outside)
    })?)
}
