//! Through a file in memory: the sender fills it, and passes its descriptor over a socket.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use anyhow::{Context, Result, bail};
use lessons::mapping::{Filling, Reserved, Sharing};
use lessons::shared::Shared;
use lessons::{Role, Scenario};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};

use crate::Data;
use crate::board::Board;
use crate::messages::{MESSAGE, make, messages};

/// A message that is nothing but the envelope of a descriptor has one byte all the same.
const ENVELOPE: &[u8; 1] = b"f";

/// A file of whole pages that exists in memory only, and that can be sealed.
pub(crate) fn memory_file(bytes: usize) -> Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = File::from(memfd_create(c"messages", flags).context("memfd_create")?);
    file.set_len(bytes as u64)
        .with_context(|| format!("ftruncate({bytes} bytes)"))?;
    Ok(file)
}

/// All messages at once, in one file, and one descriptor in one envelope.
pub(crate) fn memfd(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let board = Shared::<Board>::new()?;
    let (sender, receiver) = socketpair(
        AddressFamily::Unix,
        SockType::Stream,
        None,
        SockFlag::SOCK_CLOEXEC,
    )
    .context("socketpair")?;
    let (mut sender, mut receiver) = (Some(sender), Some(receiver));
    let mut control = nix::cmsg_space!(RawFd);
    let sent = scenario.run(|round| -> Result<()> {
        round.work.bytes = data.bytes as u64;
        round.work.operations = 1;
        round.fork(Role::Sender, || {
            drop(receiver.take());
            let file = fill(&board, data)?;
            send(&sender.take().context("the sender's end")?, &file)
        })?;
        drop(sender.take());
        round.fork(Role::Receiver, || {
            let from = receiver.take().context("the receiver's end")?;
            look(&board, data, &File::from(receive(&from, &mut control)?))
        })?;
        drop(receiver.take());
        Ok(())
    });
    sent.map_or(Ok(()), |sent| {
        sent?;
        board.observe(scenario)
    })
}

/// Makes every message in its place. Sealed, the file can not become shorter: so whoever maps it need not
/// fear SIGBUS.
fn fill(board: &Board, data: &Data) -> Result<File> {
    let file = memory_file(data.bytes)?;
    let mut memory =
        Reserved::new(data.bytes)?.map_mut(&file, Sharing::Shared, Filling::OnDemand)?;
    for ((number, _), message) in messages(data.bytes).zip(memory.chunks_mut(MESSAGE)) {
        board.sent(make(message, number));
    }
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).context("fcntl(F_ADD_SEALS)")?;
    Ok(file)
}

fn look(board: &Board, data: &Data, file: &File) -> Result<()> {
    let memory = Reserved::new(data.bytes)?.map(file, Sharing::Shared, Filling::OnDemand)?;
    for message in memory.chunks(MESSAGE) {
        board.received(message);
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
            // SAFETY: the kernel has just made it for us, and nobody else knows it.
            return Ok(unsafe { OwnedFd::from_raw_fd(descriptor) });
        }
    }
    bail!("no descriptor came")
}
