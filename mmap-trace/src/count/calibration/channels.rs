//! Steps that copy through pipes, sockets, files in memory, devices and address spaces.

use std::{
    fs::File,
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket},
    os::fd::{AsFd, AsRawFd, OwnedFd},
};

use nix::{
    fcntl::SpliceFFlags,
    sys::{
        memfd::{MFdFlags, memfd_create},
        socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair},
        uio::{RemoteIoVec, pread, process_vm_readv, process_vm_writev, pwrite},
    },
    unistd::{self, getpid},
};

use super::bench::{BYTES, Bench, errno, whole};

pub fn pipe(bench: &Bench<'_>) -> nix::Result<()> {
    let (read, write) = unistd::pipe()?;
    write_and_read(bench, &write, &read)
}

pub fn socket(bench: &Bench<'_>) -> nix::Result<()> {
    let (ours, theirs) = pair()?;
    write_and_read(bench, &ours, &theirs)
}

/// Uses the loopback device.
pub fn tcp(bench: &Bench<'_>) -> nix::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(errno)?;
    let ours = TcpStream::connect(listener.local_addr().map_err(errno)?).map_err(errno)?;
    let (theirs, _) = listener.accept().map_err(errno)?;
    send_and_receive(bench, &ours, &theirs)
}

/// Sends one datagram, which the loopback device does not fragment.
pub fn udp(bench: &Bench<'_>) -> nix::Result<()> {
    let bound = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(errno);
    let (ours, theirs) = (bound()?, bound()?);
    ours.connect(theirs.local_addr().map_err(errno)?)
        .map_err(errno)?;
    send_and_receive(bench, &ours, &theirs)
}

fn send_and_receive(
    bench: &Bench<'_>,
    ours: &impl AsRawFd,
    theirs: &impl AsRawFd,
) -> nix::Result<()> {
    let (ours, theirs) = (ours.as_raw_fd(), theirs.as_raw_fd());
    bench.with_buffer(BYTES, |buffer| {
        let (sent, received) = bench.measure(|| {
            let sent = send(ours, buffer, MsgFlags::empty())?;
            Ok((sent, recv(theirs, buffer, MsgFlags::MSG_WAITALL)?))
        })?;
        whole(sent, BYTES)?;
        whole(received, BYTES)
    })
}

fn pair() -> nix::Result<(OwnedFd, OwnedFd)> {
    socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
}

fn write_and_read(bench: &Bench<'_>, writer: &OwnedFd, reader: &OwnedFd) -> nix::Result<()> {
    bench.with_buffer(BYTES, |buffer| {
        let (written, read) = bench.measure(|| {
            let written = unistd::write(writer, buffer)?;
            Ok((written, unistd::read(reader, buffer)?))
        })?;
        whole(written, BYTES)?;
        whole(read, BYTES)
    })
}

/// Writes and reads a file of tmpfs.
pub fn memory_file(bench: &Bench<'_>) -> nix::Result<()> {
    let file = memfd_create(c"calibration", MFdFlags::MFD_CLOEXEC)?;
    bench.with_buffer(BYTES, |buffer| {
        let (written, read) = bench.measure(|| {
            let written = pwrite(&file, buffer, 0)?;
            Ok((written, pread(&file, buffer, 0)?))
        })?;
        whole(written, BYTES)?;
        whole(read, BYTES)
    })
}

/// Copies from and to another address space, for which the calibrator's own will do.
pub fn own_process(bench: &Bench<'_>) -> nix::Result<()> {
    bench.with_buffer(2 * BYTES, |buffer| {
        let (near, far) = buffer.split_at_mut(BYTES as usize);
        let remote = [RemoteIoVec {
            base: far.as_ptr().addr(),
            len: far.len(),
        }];
        let pid = getpid();
        let (read, written) = bench.measure(|| {
            let read = process_vm_readv(pid, &mut [IoSliceMut::new(near)], &remote)?;
            let written = process_vm_writev(pid, &[IoSlice::new(near)], &remote)?;
            Ok((read, written))
        })?;
        whole(read, BYTES)?;
        whole(written, BYTES)
    })
}

/// A read of /dev/zero clears memory, which counts as a copy; a write to /dev/null copies nothing.
pub fn devices(bench: &Bench<'_>) -> nix::Result<()> {
    let open = |path: &str, options: &mut std::fs::OpenOptions| options.open(path).map_err(errno);
    let zero = open("/dev/zero", File::options().read(true))?;
    let null = open("/dev/null", File::options().write(true))?;
    bench.with_buffer(BYTES, |buffer| {
        let (read, written) = bench.measure(|| {
            let read = unistd::read(&zero, buffer)?;
            Ok((read, unistd::write(&null, buffer)?))
        })?;
        whole(read, BYTES)?;
        whole(written, BYTES)
    })
}

/// Moves references to pages of a file into a pipe, without a copy.
pub fn splice(bench: &Bench<'_>) -> nix::Result<()> {
    let file = filled(bench)?;
    let (_read, write) = unistd::pipe()?;
    let mut from = 0;
    let moved = bench.measure(|| {
        nix::fcntl::splice(
            &file,
            Some(&mut from),
            &write,
            None,
            BYTES as usize,
            SpliceFFlags::empty(),
        )
    })?;
    whole(moved, BYTES)
}

/// Moves references to pages of a file into a socket, without a copy.
pub fn sendfile(bench: &Bench<'_>) -> nix::Result<()> {
    let file = filled(bench)?;
    let (ours, _theirs) = pair()?;
    let mut from = 0;
    let moved = bench
        .measure(|| nix::sys::sendfile::sendfile(&ours, &file, Some(&mut from), BYTES as usize))?;
    whole(moved, BYTES)
}

fn filled(bench: &Bench<'_>) -> nix::Result<OwnedFd> {
    let file = memfd_create(c"calibration", MFdFlags::MFD_CLOEXEC)?;
    let written = bench.with_buffer(BYTES, |buffer| pwrite(file.as_fd(), buffer, 0))?;
    whole(written, BYTES)?;
    Ok(file)
}
