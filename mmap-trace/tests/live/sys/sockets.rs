//! Calls that send and receive messages.

use std::{io, os::fd::AsFd};

use super::{number, pieces, raw};

/// sendto(2) on a connected socket, with flags.
pub(crate) fn send(socket: impl AsFd, buffer: &[u8], flags: i32) -> io::Result<usize> {
    let from = buffer.as_ptr() as usize;
    raw(
        libc::SYS_sendto,
        [number(socket), from, buffer.len(), flags as usize, 0, 0],
    )
}

/// recvfrom(2) with flags.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8], flags: i32) -> io::Result<usize> {
    let to = buffer.as_mut_ptr() as usize;
    raw(
        libc::SYS_recvfrom,
        [number(socket), to, buffer.len(), flags as usize, 0, 0],
    )
}

fn header(vector: &mut [libc::iovec]) -> libc::msghdr {
    // SAFETY: an all-zero header is a valid one.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    header.msg_iov = vector.as_mut_ptr();
    header.msg_iovlen = vector.len();
    header
}

/// sendmsg(2) of `count` pieces as one message, with flags.
pub(crate) fn send_message(
    socket: impl AsFd,
    buffer: &[u8],
    count: usize,
    flags: i32,
) -> io::Result<usize> {
    let mut vector = pieces(buffer.as_ptr(), buffer.len(), count);
    let header = header(&mut vector);
    raw(
        libc::SYS_sendmsg,
        [
            number(socket),
            &raw const header as usize,
            flags as usize,
            0,
            0,
            0,
        ],
    )
}

/// Sets `SO_ZEROCOPY`, without which the kernel ignores `MSG_ZEROCOPY` (`tcp_sendmsg_locked`, net/ipv4/tcp.c).
pub(crate) fn allow_pinning(socket: impl AsFd) -> io::Result<()> {
    let on: libc::c_int = 1;
    let (level, option) = (libc::SOL_SOCKET as usize, libc::SO_ZEROCOPY as usize);
    let place = &raw const on as usize;
    raw(
        libc::SYS_setsockopt,
        [number(socket), level, option, place, size_of_val(&on), 0],
    )
    .map(drop)
}

/// recvmsg(2) into `count` pieces.
pub(crate) fn receive_message(
    socket: impl AsFd,
    buffer: &mut [u8],
    count: usize,
) -> io::Result<usize> {
    let mut vector = pieces(buffer.as_mut_ptr(), buffer.len(), count);
    let mut header = header(&mut vector);
    raw(
        libc::SYS_recvmsg,
        [number(socket), &raw mut header as usize, 0, 0, 0, 0],
    )
}

/// recvmsg(2) with `MSG_TRUNC` into `count` pieces.
pub(crate) fn receive_truncated(
    socket: impl AsFd,
    buffer: &mut [u8],
    count: usize,
) -> io::Result<usize> {
    let mut vector = pieces(buffer.as_mut_ptr(), buffer.len(), count);
    let mut header = header(&mut vector);
    let flags = libc::MSG_TRUNC as usize;
    raw(
        libc::SYS_recvmsg,
        [number(socket), &raw mut header as usize, flags, 0, 0, 0],
    )
}

/// sendmmsg(2) or recvmmsg(2), by number, with flags: one message for each piece. Returns the number of messages.
pub(crate) fn many_messages(
    call: libc::c_long,
    socket: impl AsFd,
    buffer: &mut [u8],
    count: usize,
    flags: i32,
) -> io::Result<usize> {
    let mut vector = pieces(buffer.as_mut_ptr(), buffer.len(), count);
    let mut headers: Vec<libc::mmsghdr> = vector
        .chunks_mut(1)
        .map(|piece| libc::mmsghdr {
            msg_hdr: header(piece),
            msg_len: 0,
        })
        .collect();
    raw(
        call,
        [
            number(socket),
            headers.as_mut_ptr() as usize,
            count,
            flags as usize,
            0,
            0,
        ],
    )
}
