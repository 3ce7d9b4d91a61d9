//! send(2) with `MSG_ZEROCOPY`: the kernel pins the sender's pages, sends from them, and says later, in the
//! socket's error queue, that it has done with them, and whether it had to copy after all.
//!
//! Source: `Documentation/networking/msg_zerocopy.rst` of the kernel.

use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result, bail, ensure};
use lessons::Scenario;
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::shared::Shared;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, send};

use crate::wire::across;
use crate::{Data, PIECE};

/// `SO_EE_ORIGIN_ZEROCOPY` of linux/errqueue.h.
const OF_ZEROCOPY: u8 = 5;
/// `SO_EE_CODE_ZEROCOPY_COPIED` of the same.
const COPIED: u8 = 1;
/// A connection that says nothing for so long is broken.
const PATIENCE_MS: u16 = 10_000;

/// What the sender has heard.
#[derive(Default)]
struct Heard {
    sends: AtomicU64,
    copied: AtomicU64,
    avoided: AtomicU64,
}

impl Heard {
    fn of(&self) -> u64 {
        self.copied.load(Relaxed) + self.avoided.load(Relaxed)
    }
}

/// Sends from a mapping whose pages are there already.
pub(crate) fn send_pinned(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario)?;
    let mapping = Reserved::new(data.bytes)?.map(&file, Sharing::Shared, Filling::AtOnce)?;
    let heard = Shared::<Heard>::new()?;
    across(scenario, data, &file, PIECE, |socket| {
        allow_zerocopy(socket)?;
        for piece in mapping[..data.bytes].chunks(PIECE) {
            send_whole(socket, piece, &heard)?;
        }
        // Until the kernel says so, the pages are not the program's to change.
        while heard.of() < heard.sends.load(Relaxed) {
            listen(socket, &heard)?;
        }
        Ok(())
    })?;
    for (name, count) in [
        ("sends", &heard.sends),
        ("sends_copied", &heard.copied),
        ("sends_not_copied", &heard.avoided),
    ] {
        scenario.observe(name, i64::try_from(count.load(Relaxed))?);
    }
    Ok(())
}

/// Without it the flag is ignored (`tcp_sendmsg_locked`).
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

fn send_whole(socket: &TcpStream, mut piece: &[u8], heard: &Heard) -> Result<()> {
    let flags = MsgFlags::from_bits_retain(libc::MSG_ZEROCOPY);
    while !piece.is_empty() {
        match send(socket.as_raw_fd(), piece, flags) {
            Ok(sent) => {
                heard.sends.fetch_add(1, Relaxed);
                piece = &piece[sent..];
            }
            // Too much is pinned (net.core.optmem_max): some of it must be given back first.
            Err(Errno::ENOBUFS) => listen(socket, heard)?,
            Err(errno) => return Err(errno).context("send(MSG_ZEROCOPY)"),
        }
    }
    Ok(())
}

/// Waits for the error queue, and takes what is in it. One entry speaks of a range of sends.
fn listen(socket: &TcpStream, heard: &Heard) -> Result<()> {
    let mut watched = [PollFd::new(socket.as_fd(), PollFlags::empty())];
    let ready = poll(&mut watched, PollTimeout::from(PATIENCE_MS)).context("poll")?;
    ensure!(ready > 0, "no send was completed for {PATIENCE_MS} ms");
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
                entry.ee_origin == OF_ZEROCOPY && entry.ee_errno == 0,
                "the error queue reports {}",
                Errno::from_raw(i32::try_from(entry.ee_errno)?)
            );
            let sends = u64::from(entry.ee_data.wrapping_sub(entry.ee_info)) + 1;
            let is_copied = entry.ee_code & COPIED != 0;
            let count = if is_copied {
                &heard.copied
            } else {
                &heard.avoided
            };
            count.fetch_add(sends, Relaxed);
        }
    }
}
