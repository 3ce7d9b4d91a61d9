//! Sockets of four families, and every call that receives.

use std::{
    net::{TcpListener, TcpStream, UdpSocket},
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::{UnixDatagram, UnixStream},
    },
};

use anyhow::{Context as _, Result, ensure};

use super::{
    Play, Work, in_child, join,
    pipes::{read_all, write_all},
};
use crate::{random::Random, sys};

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("unix-stream", |work| {
        let (left, right) = UnixStream::pair().context("socketpair")?;
        stream(work, left.into(), &right.into())
    }),
    ("tcp", |work| {
        let (left, right) = tcp_pair()?;
        stream(work, left.into(), &right.into())
    }),
    ("unix-datagram", |work| {
        let (left, right) = UnixDatagram::pair().context("socketpair")?;
        datagrams(work, &left, &right)
    }),
    ("udp", |work| {
        let (left, right) = udp_pair()?;
        datagrams(work, &left, &right)
    }),
    ("peek", peeked),
    ("truncated", truncated),
    ("many-messages", many),
    ("very-many-messages", very_many),
    ("receive-after-a-failed-one", failed),
    ("receive-by-option", by_option),
];

/// Both ends of a connection through the loopback device.
pub(crate) fn tcp_pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("listen")?;
    let left = TcpStream::connect(listener.local_addr()?).context("connect")?;
    let (right, _) = listener.accept().context("accept")?;
    Ok((left, right))
}

pub(crate) fn udp_pair() -> Result<(UdpSocket, UdpSocket)> {
    let (left, right) = (
        UdpSocket::bind("127.0.0.1:0")?,
        UdpSocket::bind("127.0.0.1:0")?,
    );
    left.connect(right.local_addr()?)?;
    right.connect(left.local_addr()?)?;
    Ok((left, right))
}

/// A call that sends some of the buffer.
fn send_some(random: &mut Random, socket: impl AsFd, buffer: &[u8]) -> Result<usize> {
    let pieces = random.between(1, 5).min(buffer.len());
    Ok(match random.between(0, 3) {
        0 => sys::write(socket, buffer)?,
        1 => sys::send(socket, buffer, 0)?,
        2 => sys::send_message(socket, buffer, pieces, 0)?,
        _ => sys::write_pieces(libc::SYS_writev, socket, buffer, pieces, 0)?,
    })
}

/// A call that receives.
fn receive_some(random: &mut Random, socket: impl AsFd, buffer: &mut [u8]) -> Result<usize> {
    let pieces = random.between(1, 5).min(buffer.len());
    Ok(match random.between(0, 3) {
        0 => sys::read(socket, buffer)?,
        1 => sys::receive(socket, buffer, 0)?,
        2 => sys::receive_message(socket, buffer, pieces)?,
        _ => sys::read_pieces(libc::SYS_readv, socket, buffer, pieces, 0)?,
    })
}

/// The sender is another process; the receiver reads to the end.
fn stream(work: &mut Work, left: OwnedFd, right: &OwnedFd) -> Result<()> {
    let buffer = [work.bytes(), work.bytes()].concat();
    work.expected.both("socket", buffer.len());
    let mut random = work.random.clone();
    let child = in_child(|| {
        let mut done = 0;
        while done < buffer.len() {
            done += send_some(&mut random, &left, &buffer[done..]).context("send")?;
        }
        Ok(())
    })?;
    drop(left);
    let mut total = 0;
    let mut room = vec![0; 20_000];
    loop {
        match receive_some(&mut work.random, right, &mut room).context("receive")? {
            0 => break,
            bytes => total += bytes,
        }
    }
    ensure!(total == buffer.len(), "{total} of {} bytes", buffer.len());
    join(child)
}

fn datagrams(work: &mut Work, left: impl AsFd, right: impl AsFd) -> Result<()> {
    for _ in 0..12 {
        let buffer = vec![3; work.random.between(1, 20_000)];
        let mut room = vec![0; 20_000];
        let sent = send_some(&mut work.random, &left, &buffer).context("send")?;
        let received = receive_some(&mut work.random, &right, &mut room).context("receive")?;
        ensure!(
            (sent, received) == (buffer.len(), buffer.len()),
            "{sent} sent, {received} received"
        );
        work.expected.both("socket", sent);
    }
    Ok(())
}

/// `MSG_PEEK` copies, and the next call copies again.
fn peeked(work: &mut Work) -> Result<()> {
    let (left, right) = udp_pair()?;
    let (near, far) = UnixStream::pair().context("socketpair")?;
    let (client, server) = tcp_pair()?;
    let pairs: [(OwnedFd, OwnedFd); 3] = [
        (left.into(), right.into()),
        (near.into(), far.into()),
        (client.into(), server.into()),
    ];
    for (from, to) in &pairs {
        let buffer = vec![5; work.random.between(1, 9_000)];
        let mut room = vec![0; buffer.len()];
        let sent = sys::send(from, &buffer, 0).context("send")?;
        let seen = sys::receive(to, &mut room, libc::MSG_PEEK | libc::MSG_WAITALL)?;
        let received = sys::receive(to, &mut room, libc::MSG_WAITALL)?;
        ensure!(
            seen == sent && received == sent,
            "{sent} sent, {seen} seen, {received} received"
        );
        work.expected.both("socket", sent);
        work.expected.add_to_user("socket", seen);
    }
    Ok(())
}

/// With `MSG_TRUNC` the result is the datagram's length, however little of it was copied.
fn truncated(work: &mut Work) -> Result<()> {
    let (left, right) = udp_pair()?;
    let buffer = vec![6; work.random.between(5_000, 30_000)];
    for flags in [0, libc::MSG_TRUNC] {
        let mut room = vec![0; work.random.between(1, 4_000)];
        let sent = sys::send(&left, &buffer, 0).context("send")?;
        let length = sys::receive(&right, &mut room, flags).context("recv")?;
        let wanted = if flags == 0 { room.len() } else { buffer.len() };
        ensure!(length == wanted, "the result is {length}, not {wanted}");
        work.expected.add_from_user("socket", sent);
        work.expected.add_to_user("socket", room.len());
    }
    Ok(())
}

fn many(work: &mut Work) -> Result<()> {
    let (left, right) = UnixDatagram::pair().context("socketpair")?;
    let (near, far) = udp_pair()?;
    let pairs: [(OwnedFd, OwnedFd); 2] = [(left.into(), right.into()), (near.into(), far.into())];
    for (from, to) in &pairs {
        let count = work.random.between(1, 9);
        let mut buffer = vec![9; count * work.random.between(1, 5_000)];
        let sent = sys::many_messages(libc::SYS_sendmmsg, from, &mut buffer, count, 0)?;
        let received = sys::many_messages(libc::SYS_recvmmsg, to, &mut buffer, count, 0)?;
        ensure!(
            (sent, received) == (count, count),
            "{sent} and {received} of {count} messages"
        );
        work.expected.both("socket", buffer.len());
    }
    // One stream message, so that read and write of sockets are covered too.
    let (near, far) = UnixStream::pair().context("socketpair")?;
    write_all(&near, b"end")?;
    drop(near);
    work.expected.both("socket", read_all(&far)?);
    Ok(())
}

/// As many messages as one call takes (`UIO_MAXIOV`, include/uapi/linux/uio.h), and one message in as many
/// buffers.
fn very_many(work: &mut Work) -> Result<()> {
    const MOST: usize = 1024;
    let (left, right) = udp_pair()?;
    for count in [64, 65, work.random.between(66, 150)] {
        let mut buffer = vec![9; count * work.random.between(1, 20)];
        let sent = sys::many_messages(libc::SYS_sendmmsg, &left, &mut buffer, count, 0)?;
        let received = sys::many_messages(libc::SYS_recvmmsg, &right, &mut buffer, count, 0)?;
        ensure!(
            (sent, received) == (count, count),
            "{sent} and {received} of {count} messages"
        );
        work.expected.both("socket", buffer.len());
    }
    // The receiver's queue is shorter; what does not fit is dropped after it was copied.
    let (sender, _unread) = udp_pair()?;
    let mut buffer = vec![9; MOST * 2];
    let sent = sys::many_messages(libc::SYS_sendmmsg, &sender, &mut buffer, MOST, 0)?;
    ensure!(sent == MOST, "{sent} of {MOST} messages");
    work.expected.add_from_user("socket", buffer.len());
    let mut room = vec![0; MOST];
    sys::send(&left, &vec![4; 5_000], 0).context("send")?;
    let length = sys::receive_truncated(&right, &mut room, MOST)?;
    ensure!(length == 5_000, "the result is {length}");
    work.expected.add_from_user("socket", 5_000);
    work.expected.add_to_user("socket", room.len());
    Ok(())
}

/// A receive into memory that cannot be written announces bytes that it does not copy; the next one must not
/// count them, whatever call comes in between.
fn failed(work: &mut Work) -> Result<()> {
    let (left, right) = UnixStream::pair().context("socketpair")?;
    let (near, far) = UnixDatagram::pair().context("socketpair")?;
    for round in 0..3 {
        let bytes = work.random.between(10_000, 20_000);
        sys::send(&near, &vec![1; bytes], 0).context("send")?;
        let nowhere = [sys::number(&far), 0x1000, bytes, 0, 0, 0];
        ensure!(sys::call(libc::SYS_recvfrom, nowhere).is_err(), "EFAULT");
        sys::send(&left, &[2; 100], 0).context("send")?;
        let nowhere = [sys::number(&right), 0x1000, 100, 0, 0, 0];
        ensure!(sys::call(libc::SYS_recvfrom, nowhere).is_err(), "EFAULT");
        if round == 1 {
            sys::plain(libc::SYS_getppid)?;
        }
        sys::send(&near, &vec![1; bytes], 0).context("send")?;
        let mut room = [0; 16];
        let length = sys::receive(&far, &mut room, libc::MSG_TRUNC).context("recv")?;
        work.expected.add_from_user("socket", 2 * bytes + 100);
        work.expected.add_to_user("socket", room.len());
        ensure!(length == bytes, "the result is {length}, not {bytes}");
    }
    Ok(())
}

/// `TCP_ZEROCOPY_RECEIVE` maps what it can and copies the rest into a buffer.
fn by_option(work: &mut Work) -> Result<()> {
    const OPTION: usize = 35;
    let (left, right) = tcp_pair()?;
    let protection = libc::PROT_READ as usize;
    let window = [
        0,
        1 << 20,
        protection,
        libc::MAP_SHARED as usize,
        sys::number(&right),
        0,
    ];
    let Ok(window) = sys::call(libc::SYS_mmap, window) else {
        return Ok(());
    };
    for _ in 0..5 {
        let bytes = work.random.between(1, 9_000);
        sys::send(&left, &vec![7; bytes], 0).context("send")?;
        work.expected.add_from_user("socket", bytes);
        let mut room = vec![0_u8; 10_000];
        // struct tcp_zerocopy_receive: address, length and recv_skip_hint, inq and err, copybuf_address,
        // copybuf_len and flags (include/uapi/linux/tcp.h).
        let mut request = [window as u64, 1 << 20, 0, room.as_mut_ptr() as u64, 10_000];
        let mut length = [40_u32];
        let (place, size) = (request.as_mut_ptr() as usize, length.as_mut_ptr() as usize);
        let arguments = [sys::number(&right), 6, OPTION, place, size, 0];
        if sys::call(libc::SYS_getsockopt, arguments).is_err() {
            let read = sys::receive(&right, &mut room, 0).context("recv")?;
            work.expected.add_to_user("socket", read);
            continue;
        }
        // SAFETY: initialised above; the kernel has written it.
        let copied = unsafe { std::ptr::read_volatile(&raw const request[4]) } as u32 as usize;
        work.expected.add_to_user("socket", copied);
        if copied < bytes {
            let read = sys::receive(&right, &mut room, 0).context("recv")?;
            work.expected.add_to_user("socket", read);
        }
    }
    Ok(())
}
