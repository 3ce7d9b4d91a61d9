//! Other reads and writes: devices, event counters, large descriptors, several threads, and buffers that end
//! too early.

use std::{
    fs::{File, OpenOptions},
    os::fd::OwnedFd,
};

use anyhow::{Context as _, Result, ensure};
use memmap2::MmapOptions;
use nix::{
    sys::mman::{ProtFlags, mprotect},
    unistd::pipe,
};

use super::{Play, Work, files::open};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("dev-zero", zero),
    ("dev-null", null),
    ("eventfd", eventfd),
    ("proc", proc),
    ("no-payload", unlisted),
    ("efault", short),
    ("descriptor-above-15", |work| high(work, &[16, 20, 63])),
    ("threads", threads),
    ("failing-calls", failing),
    // This case comes last, because a descriptor table that has grown stays large.
    ("descriptor-above-63", |work| high(work, &[64, 100, 300])),
];

fn device(path: &str) -> Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .with_context(|| format!("open({path})"))
}

/// Reading fills the buffer; writing does nothing (`write_zero` is `write_null`, drivers/char/mem.c).
fn zero(work: &mut Work) -> Result<()> {
    let file = device("/dev/zero")?;
    let mut buffer = work.bytes();
    work.expected
        .add_to_user("other", sys::read(&file, &mut buffer)?);
    sys::write(&file, &buffer)?;
    Ok(())
}

fn null(work: &mut Work) -> Result<()> {
    let file = device("/dev/null")?;
    let mut buffer = work.bytes();
    sys::write(&file, &buffer)?;
    sys::read(&file, &mut buffer)?;
    // The same through the slow lookup of a file's kind.
    let far = sys::duplicate_at(&file, 40)?;
    sys::write(&far, &buffer)?;
    Ok(())
}

fn eventfd(work: &mut Work) -> Result<()> {
    let counter = sys::eventfd()?;
    for _ in 0..work.random.between(1, 200) {
        work.expected
            .add_from_user("other", sys::write(&counter, &1_u64.to_ne_bytes())?);
        work.expected
            .add_to_user("other", sys::read(&counter, &mut [0; 8])?);
    }
    Ok(())
}

fn proc(work: &mut Work) -> Result<()> {
    for path in [
        "/proc/self/status",
        "/proc/filesystems",
        "/sys/kernel/mm/transparent_hugepage/enabled",
    ] {
        let Ok(file) = File::open(path) else { continue };
        let mut buffer = vec![0; 65_536];
        work.expected
            .add_to_user("other", sys::read(&file, &mut buffer)?);
    }
    Ok(())
}

/// These calls write into the program's memory, but not the bytes of a file.
fn unlisted(work: &mut Work) -> Result<()> {
    sys::random_bytes(&mut work.bytes()).context("getrandom")?;
    let entries = std::fs::read_dir("/proc/self").context("getdents64")?;
    ensure!(entries.count() > 0, "/proc/self is empty");
    Ok(())
}

/// Half of the buffer is accessible, so the call moves less than asked for and counts what it moved.
fn short(work: &mut Work) -> Result<()> {
    let mut buffer = MmapOptions::new().len(8192).map_anon().context("mmap")?;
    buffer.fill(1);
    let file = open(&work.path("short"), 0)?;
    work.expected
        .add_from_user("page_cache", sys::pwrite(&file, &buffer, 0)?);
    let (from, into) = pipe().context("pipe")?;
    let second = std::ptr::NonNull::from(&mut buffer[4096..]).cast();
    // SAFETY: the second page is only passed to the kernel until it can be used again.
    unsafe { mprotect(second, 4096, ProtFlags::PROT_NONE) }.context("mprotect")?;
    let read = sys::pread(&file, &mut buffer, 0);
    let written = sys::pwrite(&file, &buffer, 0);
    let sent = sys::write(&into, &buffer);
    // SAFETY: gives the page back.
    unsafe { mprotect(second, 4096, ProtFlags::PROT_READ | ProtFlags::PROT_WRITE) }?;
    let (read, written) = (read.context("pread")?, written.context("pwrite")?);
    ensure!(
        (read, written) == (4096, 4096),
        "read {read}, written {written} of 8192"
    );
    work.expected.both("page_cache", 4096);
    // A pipe keeps the whole pages of a call and returns EFAULT only if there is none.
    let sent = sent.context("write(pipe)")?;
    work.expected.add_from_user("pipe", sent);
    work.expected
        .add_to_user("pipe", sys::read(&from, &mut buffer)?);
    Ok(())
}

/// The eBPF program reads 16 descriptors directly; 64 are embedded in the kernel's table, then it grows.
fn high(work: &mut Work, numbers: &[i32]) -> Result<()> {
    let file = open(&work.path("high"), 0)?;
    let (from, into) = pipe().context("pipe")?;
    for &number in numbers {
        let file: OwnedFd = sys::duplicate_at(&file, number)?;
        let mut buffer = vec![1; work.random.between(1, 60_000)];
        work.expected
            .add_from_user("page_cache", sys::pwrite(&file, &buffer, 0)?);
        work.expected
            .add_to_user("page_cache", sys::pread(&file, &mut buffer, 0)?);
        drop(file);
        let into = sys::duplicate_at(&into, number)?;
        work.expected
            .add_from_user("pipe", sys::write(&into, &buffer)?);
        work.expected
            .add_to_user("pipe", sys::read(&from, &mut buffer)?);
    }
    Ok(())
}

/// Four threads read the same file through the same descriptor.
fn threads(work: &mut Work) -> Result<()> {
    let file = open(&work.path("shared"), 0)?;
    let content = vec![1; 100_000];
    work.expected
        .add_from_user("page_cache", sys::pwrite(&file, &content, 0)?);
    let sizes: Vec<usize> = (0..4).map(|_| work.random.between(1, 90_000)).collect();
    let read = std::thread::scope(|scope| {
        let readers: Vec<_> = sizes
            .iter()
            .map(|&bytes| {
                let file = &file;
                scope.spawn(move || {
                    let mut buffer = vec![0; bytes];
                    (0..25)
                        .map(|n| sys::pread(file, &mut buffer, n))
                        .sum::<std::io::Result<usize>>()
                })
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| reader.join().unwrap_or(Ok(0)))
            .sum::<std::io::Result<usize>>()
    });
    work.expected
        .add_to_user("page_cache", read.context("pread")?);
    Ok(())
}

/// Calls that fail copy nothing.
fn failing(work: &mut Work) -> Result<()> {
    let path = work.path("read-only");
    let writable = open(&path, 0)?;
    let mut buffer = work.bytes();
    work.expected
        .add_from_user("page_cache", sys::write(&writable, &buffer)?);
    let file = File::open(&path)?;
    ensure!(sys::write(&file, &buffer).is_err(), "EBADF was expected");
    let (from, into) = pipe().context("pipe")?;
    ensure!(sys::read(&into, &mut buffer).is_err(), "EBADF was expected");
    ensure!(
        sys::pread(&from, &mut buffer, 0).is_err(),
        "ESPIPE was expected"
    );
    Ok(())
}
