//! Regular files: on ext4 through the page cache and with O_DIRECT, on tmpfs, and in a memfd.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::{fd::AsFd, unix::fs::OpenOptionsExt as _},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use memmap2::{MmapMut, MmapOptions};

use super::{Play, Work};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("ext4", |work| {
        let file = open(&work.path("mixed"), 0)?;
        mix(work, file, "page_cache")
    }),
    ("tmpfs", |work| {
        let path = tmpfs_path();
        let file = open(&path, 0)?;
        fs::remove_file(&path).context("unlink")?;
        mix(work, file, "tmpfs")
    }),
    ("memfd", |work| mix(work, sys::memfd()?, "tmpfs")),
    ("o-direct", direct),
    ("o-direct-tmpfs", direct_on_tmpfs),
    ("o-direct-switched-on", switched),
];

/// Opens a file for reading and writing.
pub(super) fn open(path: &Path, flags: i32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .custom_flags(flags)
        .open(path)
}

fn tmpfs_path() -> std::path::PathBuf {
    Path::new("/dev/shm").join(format!("mmap-trace-live-{}", std::process::id()))
}

/// Moves random sizes through every call that reads or writes a file.
fn mix(work: &mut Work, file: impl AsFd, path: &str) -> Result<()> {
    for _ in 0..24 {
        let buffer = work.bytes();
        let pieces = work.random.between(1, 7);
        let offset = work.random.between(0, 50_000);
        let written = match work.random.between(0, 4) {
            0 => sys::write(&file, &buffer),
            1 => sys::pwrite(&file, &buffer, offset),
            2 => sys::write_pieces(libc::SYS_writev, &file, &buffer, pieces, 0),
            3 => sys::write_pieces(libc::SYS_pwritev, &file, &buffer, pieces, offset),
            _ => sys::write_pieces(libc::SYS_pwritev2, &file, &buffer, pieces, offset),
        };
        work.expected.add_from_user(path, written.context("write")?);
    }
    for _ in 0..24 {
        let mut buffer = work.bytes();
        let pieces = work.random.between(1, 7);
        let offset = work.random.between(0, 50_000);
        let read = match work.random.between(0, 4) {
            // A read at the end of the file copies nothing.
            0 => sys::read(&file, &mut buffer),
            1 => sys::pread(&file, &mut buffer, offset),
            2 => sys::read_pieces(libc::SYS_readv, &file, &mut buffer, pieces, 0),
            3 => sys::read_pieces(libc::SYS_preadv, &file, &mut buffer, pieces, offset),
            _ => sys::read_pieces(libc::SYS_preadv2, &file, &mut buffer, pieces, offset),
        };
        work.expected.add_to_user(path, read.context("read")?);
    }
    Ok(())
}

fn aligned(work: &mut Work) -> Result<MmapMut> {
    let blocks = work.random.between(1, 64);
    let mut buffer = MmapOptions::new()
        .len(blocks * 4096)
        .map_anon()
        .context("mmap")?;
    buffer.fill(7);
    Ok(buffer)
}

fn direct(work: &mut Work) -> Result<()> {
    let file = open(&work.path("direct"), libc::O_DIRECT)?;
    for _ in 0..4 {
        let mut buffer = aligned(work)?;
        let written = sys::pwrite(&file, &buffer, 0).context("pwrite(O_DIRECT)")?;
        work.expected.add("direct_written_bytes", written);
        let read = sys::pread(&file, &mut buffer, 0).context("pread(O_DIRECT)")?;
        ensure!(read == written, "read {read} of {written} bytes");
        work.expected.add("direct_read_bytes", read);
    }
    Ok(())
}

/// tmpfs accepts O_DIRECT since Linux 6.6 and copies all the same.
fn direct_on_tmpfs(work: &mut Work) -> Result<()> {
    let path = tmpfs_path();
    let file = open(&path, libc::O_DIRECT);
    let _ = fs::remove_file(&path);
    let file = match file {
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => return Ok(()),
        other => other.context("open(O_DIRECT)")?,
    };
    let mut buffer = aligned(work)?;
    work.expected
        .add_from_user("tmpfs", sys::pwrite(&file, &buffer, 0)?);
    work.expected
        .add_to_user("tmpfs", sys::pread(&file, &mut buffer, 0)?);
    Ok(())
}

/// What counts is the flag at the time of the call, not at that of open.
fn switched(work: &mut Work) -> Result<()> {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let file = open(&work.path("switched"), 0)?;
    let mut buffer = aligned(work)?;
    work.expected
        .add_from_user("page_cache", sys::pwrite(&file, &buffer, 0)?);
    fcntl(&file, FcntlArg::F_SETFL(OFlag::O_DIRECT)).context("fcntl(F_SETFL)")?;
    work.expected
        .add("direct_read_bytes", sys::pread(&file, &mut buffer, 0)?);
    fcntl(&file, FcntlArg::F_SETFL(OFlag::empty())).context("fcntl(F_SETFL)")?;
    work.expected
        .add_to_user("page_cache", sys::pread(&file, &mut buffer, 0)?);
    Ok(())
}
