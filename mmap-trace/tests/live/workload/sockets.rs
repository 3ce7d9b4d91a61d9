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
