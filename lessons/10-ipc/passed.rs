//! Messages through a file in memory: the sender fills it and passes its descriptor over a socket.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, bail};
use lessons::data::Files;
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::{Role, Scenario};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use crate::descriptors::Connection;
use crate::exchange::Exchange;
use crate::messages::{MESSAGE, make, messages};

/// A descriptor travels with at least one byte of data.
const ENVELOPE: &[u8; 1] = b"f";

/// A file that exists only in memory and can be sealed.
pub(crate) fn memory_file(bytes: usize) -> Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create(c"messages", flags).context("memfd_create")?);
    file.set_len(bytes as u64)
        .with_context(|| format!("ftruncate({bytes} bytes)"))?;
    Ok(file)
}

/// Passes all messages at once: one file, whose descriptor travels in one envelope.
pub(crate) fn memfd(scenario: &mut Scenario, files: &Files) -> Result<()> {
    let ends = Connection::of_unix_sockets()?;
    let (mut sender, mut receiver) = (Some(ends.sender), Some(ends.receiver));
    let mut control = nix::cmsg_space!(RawFd);
    Exchange::run(scenario, |round, exchange| {
        round.work.bytes = files.bytes() as u64;
        round.work.operations = 1;
        round.fork(Role::Sender, || {
            drop(receiver.take());
            let file = fill(exchange, files)?;
            send(&sender.take().context("the sender's end")?, &file)
        })?;
        drop(sender.take());
        round.fork(Role::Receiver, || {
            let from = receiver.take().context("the receiver's end")?;
            look(exchange, files, &File::from(receive(&from, &mut control)?))
        })?;
        drop(receiver.take());
        Ok(())
    })
}

/// Makes every message in its place, and seals the file: it cannot shrink any more, so whoever maps it need
/// not fear SIGBUS.
fn fill(exchange: &Exchange, files: &Files) -> Result<File> {
    let file = memory_file(files.bytes())?;
    let mut memory =
        Reserved::new(files.bytes())?.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
    for ((number, _), message) in messages(files.bytes()).zip(memory.chunks_mut(MESSAGE)) {
        exchange.sent(make(message, number));
    }
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).context("fcntl(F_ADD_SEALS)")?;
    Ok(file)
}

fn look(exchange: &Exchange, files: &Files, file: &File) -> Result<()> {
    let memory = Reserved::new(files.bytes())?.map(file, Sharing::Shared, Filling::OnDemand)?;
    for message in memory.chunks(MESSAGE) {
        exchange.received(message);
    }
    Ok(())
}

fn send(to: &OwnedFd, file: &File) -> Result<()> {
    let descriptors = [file.as_raw_fd()];
    sendmsg::<()>(
        to.as_raw_fd(),
        &[IoSlice::new(ENVELOPE)],
        &[ControlMessage::ScmRights(&descriptors)],
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .context("sendmsg")?;
    Ok(())
}

fn receive(from: &OwnedFd, control: &mut [u8]) -> Result<OwnedFd> {
    let mut envelope = *ENVELOPE;
    let mut slices = [IoSliceMut::new(&mut envelope)];
    let message = recvmsg::<()>(
        from.as_raw_fd(),
        &mut slices,
        Some(control),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )
    .context("recvmsg")?;
    for part in message.cmsgs().context("recvmsg")? {
        if let ControlMessageOwned::ScmRights(descriptors) = part
            && let [descriptor] = descriptors[..]
        {
            // SAFETY: the kernel has just installed this descriptor for us, and nothing else owns it.
            return Ok(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
    bail!("the message came without a descriptor")
}
