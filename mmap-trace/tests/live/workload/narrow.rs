//! 32-bit calls of a 64-bit program: other numbers, registers and structures.

use anyhow::{Context as _, Result, ensure};
use nix::unistd::pipe;

use super::{Play, Work, files::open, in_child, join, udp_pair};
use crate::sys::{self, call_of_32_bits as call};

pub(super) const PLAYS: &[(&str, Play)] = &[
    ("calls-of-32-bits", read_and_write),
    ("socket-calls-of-32-bits", sockets),
];

/// Memory with an address of 32 bits.
struct Low(*mut u32);

const BYTES: usize = 64 << 10;

impl Low {
    fn new() -> Result<Self> {
        let protection = (libc::PROT_READ | libc::PROT_WRITE) as usize;
        let flags = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT) as usize;
        let arguments = [0, BYTES, protection, flags, usize::MAX, 0];
        let address = sys::call(libc::SYS_mmap, arguments).context("mmap(MAP_32BIT)")?;
        Ok(Low(address as *mut u32))
    }

    fn address(&self) -> usize {
        self.0 as usize
    }

    /// Stores words at an offset in bytes and returns their address.
    fn words(&self, offset: usize, words: &[usize]) -> usize {
        for (n, word) in words.iter().enumerate() {
            // SAFETY: the mapping is larger than all offsets that the plays use, and aligned.
            unsafe { self.0.add(offset / 4 + n).write(*word as u32) }
        }
        self.address() + offset
    }
}

/// A kernel without 32-bit calls kills whoever makes one.
fn are_known() -> Result<bool> {
    const GETPID: u64 = 20;
    let child = in_child(|| {
        ensure!(call(GETPID, [0; 4])? == std::process::id() as usize);
        Ok(())
    })?;
    Ok(join(child).is_ok())
}

fn read_and_write(work: &mut Work) -> Result<()> {
    const READ: u64 = 3;
    const WRITE: u64 = 4;
    const READV: u64 = 145;
    const PREAD64: u64 = 180;
    if !are_known()? {
        return Ok(());
    }
    let low = Low::new()?;
    let bytes = work.random.between(100, 4_000);
    let file = open(&work.path("narrow"), 0)?;
    let (number, place) = (sys::number(&file), low.address());
    let written = call(WRITE, [number, place, bytes, 0]).context("write")?;
    work.expected.add_from_user("page_cache", written);
    let read = call(PREAD64, [number, place, bytes, 0]).context("pread64")?;
    work.expected.add_to_user("page_cache", read);
    let (from, into) = pipe().context("pipe")?;
    let written = call(WRITE, [sys::number(&into), place, bytes, 0]).context("write")?;
    work.expected.add_from_user("pipe", written);
    let read = call(READ, [sys::number(&from), place, 60, 0]).context("read")?;
    work.expected.add_to_user("pipe", read);
    let pieces = low.words(32 << 10, &[place, 10, place + 10, bytes]);
    let read = call(READV, [sys::number(&from), pieces, 2, 0]).context("readv")?;
    ensure!(read == bytes - 60, "{read} of {} bytes", bytes - 60);
    work.expected.add_to_user("pipe", read);
    // Number 0 restarts a call here and reads there.
    ensure!(call(0, [sys::number(&from), place, bytes, 0]).is_err());
    Ok(())
}

fn sockets(work: &mut Work) -> Result<()> {
    const SOCKETCALL: u64 = 102;
    const SENDMMSG: u64 = 345;
    const SEND: usize = 9;
    const RECVFROM: usize = 12;
    const RECVMSG: usize = 17;
    if !are_known()? {
        return Ok(());
    }
    let low = Low::new()?;
    let bytes = work.random.between(100, 4_000);
    let (left, right) = udp_pair()?;
    let (near, far) = (sys::number(&left), sys::number(&right));
    let place = low.address();
    let truncated = libc::MSG_TRUNC as usize;
    let datagram = || -> Result<()> {
        let words = low.words(32 << 10, &[near, place, bytes, 0]);
        call(SOCKETCALL, [SEND, words, 0, 0]).context("socketcall(send)")?;
        Ok(())
    };
    datagram()?;
    let words = low.words(33 << 10, &[far, place, 20, truncated, 0, 0]);
    let length = call(SOCKETCALL, [RECVFROM, words, 0, 0]).context("socketcall(recvfrom)")?;
    ensure!(length == bytes, "the result is {length}, not {bytes}");
    work.expected.add_from_user("socket", bytes);
    work.expected.add_to_user("socket", 20);
    // Two buffers of 7 bytes, and the length of the whole message as the result.
    datagram()?;
    let pieces = low.words(34 << 10, &[place, 7, place, 7]);
    let header = low.words(35 << 10, &[0, 0, pieces, 2, 0, 0, 0]);
    let words = low.words(33 << 10, &[far, header, truncated]);
    let length = call(SOCKETCALL, [RECVMSG, words, 0, 0]).context("socketcall(recvmsg)")?;
    ensure!(length == bytes, "the result is {length}, not {bytes}");
    work.expected.add_from_user("socket", bytes);
    work.expected.add_to_user("socket", 14);
    // struct compat_mmsghdr: seven words of the header, and the length.
    let headers: Vec<usize> = (0..100)
        .flat_map(|_| [0, 0, pieces, 2, 0, 0, 0, 0])
        .collect();
    let headers = low.words(40 << 10, &headers);
    let sent = call(SENDMMSG, [near, headers, 100, 0]).context("sendmmsg")?;
    ensure!(sent == 100, "{sent} of 100 messages");
    work.expected.add_from_user("socket", 100 * 14);
    Ok(())
}
