//! Bytes that move between descriptors or processes without a read and a write.

use std::{fs::File, io::Seek as _, os::fd::AsFd, path::Path};

use anyhow::{Context as _, Result, ensure};
use nix::unistd::pipe;

use super::{
    Play, Work,
    files::open,
    in_child, join,
    pipes::{read_all, write_all},
    sockets::tcp_pair,
};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("sendfile-tcp", |work| {
        let (file, bytes) = source(work)?;
        sendfile_to_socket(work, &file, bytes)
    }),
    ("sendfile-tmpfs-tcp", sendfile_from_memory),
    ("sendfile-file", sendfile_to_file),
    ("splice-tcp", splice_to_socket),
    ("tee", tee),
    ("copy-file-range", copy_range),
    ("process-memory", process_memory),
];

const TRANSFERRED: &str = "transferred_bytes";

/// Creates a file with content, which is counted too.
fn source(work: &mut Work) -> Result<(File, usize)> {
    let path = work.path("source");
    let buffer = work.bytes();
    write_all(open(&path, 0)?, &buffer)?;
    work.expected.add_from_user("page_cache", buffer.len());
    Ok((File::open(path).context("open")?, buffer.len()))
}

/// Repeats a call until it has moved everything.
fn all(total: usize, mut some: impl FnMut(usize) -> std::io::Result<usize>) -> Result<()> {
    let mut done = 0;
    while done < total {
        let moved = some(total - done)?;
        ensure!(
            moved > 0,
            "nothing more moves after {done} of {total} bytes"
        );
        done += moved;
    }
    Ok(())
}

fn sendfile_from_memory(work: &mut Work) -> Result<()> {
    let mut file = File::from(sys::memfd().context("memfd_create")?);
    let buffer = work.bytes();
    write_all(&file, &buffer)?;
    work.expected.add_from_user("tmpfs", buffer.len());
    file.rewind().context("lseek")?;
    sendfile_to_socket(work, &file, buffer.len())
}

fn sendfile_to_socket(work: &mut Work, file: &File, bytes: usize) -> Result<()> {
    let (left, right) = tcp_pair()?;
    let child = in_child(|| all(bytes, |left_over| sys::sendfile(&left, file, left_over)))?;
    drop(left);
    ensure!(read_all(&right)? == bytes);
    work.expected.add(TRANSFERRED, bytes);
    work.expected.add_to_user("socket", bytes);
    join(child)
}

fn sendfile_to_file(work: &mut Work) -> Result<()> {
    let (file, bytes) = source(work)?;
    let target = open(&work.path("target"), 0)?;
    all(bytes, |left| sys::sendfile(&target, &file, left)).context("sendfile")?;
    work.expected.add(TRANSFERRED, bytes);
    Ok(())
}

/// File to pipe to socket: the bytes move twice, and only the receiver copies them.
fn splice_to_socket(work: &mut Work) -> Result<()> {
    let (file, bytes) = source(work)?;
    let (left, right) = tcp_pair()?;
    let child = in_child(|| {
        let (out, into) = pipe().context("pipe")?;
        all(bytes, |left_over| {
            let moved = sys::splice(&file, &into, left_over)?;
            all(moved, |rest| sys::splice(&out, &left, rest)).map_err(std::io::Error::other)?;
            Ok(moved)
        })
    })?;
    drop(left);
    ensure!(read_all(&right)? == bytes);
    work.expected.add(TRANSFERRED, 2 * bytes);
    work.expected.add_to_user("socket", bytes);
    join(child)
}

/// tee references the pages in a second pipe and leaves them in the first one.
fn tee(work: &mut Work) -> Result<()> {
    let (from, into) = pipe().context("pipe")?;
    let (copy, copied) = pipe().context("pipe")?;
    let buffer = vec![1; work.random.between(1, 40_000)];
    write_all(&into, &buffer)?;
    ensure!(sys::tee(&from, &copied, buffer.len())? == buffer.len());
    drop((into, copied));
    ensure!(read_all(&from)? == read_all(&copy)?);
    work.expected.add_from_user("pipe", buffer.len());
    work.expected.add_to_user("pipe", 2 * buffer.len());
    Ok(())
}

fn copy_range(work: &mut Work) -> Result<()> {
    let (file, bytes) = source(work)?;
    let target = open(&work.path("target"), 0)?;
    all(bytes, |left| sys::copy_file_range(&file, &target, left)).context("copy_file_range")?;
    work.expected.add(TRANSFERRED, bytes);
    Ok(())
}

/// The other process is a fork, so that the same addresses are mapped there.
fn process_memory(work: &mut Work) -> Result<()> {
    let mut buffer = work.bytes();
    let (stop, stopped) = pipe().context("pipe")?;
    let child = in_child(|| {
        // SAFETY: closes the inherited end of this process, so that the parent's is the last one.
        unsafe { libc::close(std::os::fd::AsRawFd::as_raw_fd(&stopped)) };
        wait_for_end(&stop)
    })?;
    let read = sys::process_memory(libc::SYS_process_vm_readv, child.as_raw(), &mut buffer);
    let written = sys::process_memory(libc::SYS_process_vm_writev, child.as_raw(), &mut buffer);
    drop(stopped);
    join(child)?;
    work.expected
        .add_to_user("process", read.context("process_vm_readv")?);
    work.expected
        .add_from_user("process", written.context("process_vm_writev")?);
    ensure!(Path::new("/proc/self").exists());
    Ok(())
}

fn wait_for_end(pipe: impl AsFd) -> Result<()> {
    read_all(pipe).map(drop)
}
