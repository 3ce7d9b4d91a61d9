//! send(2) with `MSG_ZEROCOPY`: the kernel pins the sender's pages and sends from them. Later it reports in the
//! socket's error queue that it is done with them, and whether it had to copy after all.
//!
//! Source: `Documentation/networking/msg_zerocopy.rst` of the kernel.

use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, bail, ensure};
use lessons::Scenario;
use lessons::data::{Cached, Files};
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::shared::Shared;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send};

use crate::wire::across;
use crate::{FILE, PIECE};

/// `SO_EE_ORIGIN_ZEROCOPY` of linux/errqueue.h.
const ORIGIN_ZEROCOPY: u8 = 5;
/// `SO_EE_CODE_ZEROCOPY_COPIED` of the same.
const COPIED: u8 = 1;
/// A connection that reports nothing for this long is broken.
const PATIENCE_MS: u16 = 10_000;

/// The sends, and what the error queue has reported about them.
#[derive(Default)]
struct Completions {
    sends: AtomicU64,
    copied: AtomicU64,
    avoided: AtomicU64,
}

impl Completions {
    fn reported(&self) -> u64 {
        self.copied.load(Relaxed) + self.avoided.load(Relaxed)
    }
}

/// Sends from a mapping whose pages are already in the page table.
pub(crate) fn send_pinned(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let file = files.prepare(scenario, FILE, Cached::Whole)?;
    let mapping = Reserved::new(files.bytes())?.map(&file, Sharing::Shared, Filling::AtOnce)?;
    let completions = Shared::<Completions>::new()?;
    across(scenario, files, &file, PIECE, |socket| {
        allow_zerocopy(socket)?;
        for piece in mapping[..files.bytes()].chunks(PIECE) {
            send_whole(socket, piece, &completions)?;
        }
        // The program must not change the pages until the kernel is done with them.
        while completions.reported() < completions.sends.load(Relaxed) {
            listen(socket, &completions)?;
        }
        Ok(())
    })?;
    for (name, count) in [
        ("sends", &completions.sends),
        ("sends_copied", &completions.copied),
        ("sends_not_copied", &completions.avoided),
    ] {
        scenario.observe(name, i64::try_from(count.load(Relaxed))?);
    }
    Ok(())
}

/// Without this option the kernel ignores the flag (`tcp_sendmsg_locked`).
fn allow_zerocopy(socket: &TcpStream) -> Result<()> {
    let on: libc::c_int = 1;
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the kernel reads one int, which lives until the call returns.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ZEROCOPY,
            (&raw const on).cast(),
            length,
        )
    };
    Errno::result(done).context("setsockopt(SO_ZEROCOPY)")?;
    Ok(())
}

fn send_whole(socket: &TcpStream, mut piece: &[u8], completions: &Completions) -> Result<()> {
    let flags = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY);
    while !piece.is_empty() {
        match send(socket.as_raw_fd(), piece, flags) {
            Ok(sent) => {
                completions.sends.fetch_add(1, Relaxed);
                piece = &piece[sent..];
            }
            // Too much is pinned (net.core.optmem_max): wait until the kernel unpins some of it.
            Err(Errno::ENOBUFS) => listen(socket, completions)?,
            Err(errno) => return Err(errno).context("send(MSG_ZEROCOPY)"),
        }
    }
    Ok(())
}

/// Waits for the error queue, and empties it. One entry covers a range of sends.
fn listen(socket: &TcpStream, completions: &Completions) -> Result<()> {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    let ready = poll(&mut watched, PollTimeout::from(PATIENCE_MS)).context("poll")?;
    ensure!(
        ready > 0,
        "the kernel completed no send for {PATIENCE_MS} ms"
    );
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in);
    loop {
        let flags = MsgFlags::MSG_ERRQUEUE;
        let message = match recvmsg::<()>(socket.as_raw_fd(), &mut [], Some(&mut control), flags) {
            Ok(message) => message,
            Err(Errno::EAGAIN) => return Ok(()),
            Err(errno) => return Err(errno).context("recvmsg(MSG_ERRQUEUE)"),
        };
        for control in message.cmsgs().context("recvmsg")? {
            let ControlMessageOwned::Ipv4RecvErr(entry, _) = control else {
                bail!("the error queue holds {control:?}");
            };
            ensure!(
                entry.ee_origin == ORIGIN_ZEROCOPY && entry.ee_errno == 0,
                "the error queue reports {}",
                Errno::from_raw(i32::try_from(entry.ee_errno)?)
            );
            let sends = u64::from(entry.ee_data.wrapping_sub(entry.ee_info)) + 1;
            let is_copied = entry.ee_code & COPIED != 0;
            let count = if is_copied {
                &completions.copied
            } else {
                &completions.avoided
            };
            count.fetch_add(sends, Relaxed);
        }
    }
}
