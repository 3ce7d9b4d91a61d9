//! Message queues: of POSIX and of System V, with a truncated message and an empty one.

use std::ffi::CString;

use anyhow::{Context as _, Result, ensure};

use super::{Play, Work};
use crate::sys::call;

pub(super) const PLAYS: &[(&str, Play)] = &[("queue-posix", posix), ("queue-system-v", system_v)];

const LARGEST: usize = 4_000;

fn posix(work: &mut Work) -> Result<()> {
    let name = CString::new(format!("mmap-trace-live-{}", std::process::id()))?;
    // struct mq_attr: mq_flags, mq_maxmsg, mq_msgsize, mq_curmsgs and four that are reserved.
    let attributes = [0_usize, 4, LARGEST, 0, 0, 0, 0, 0];
    let flags = (libc::O_RDWR | libc::O_CREAT | libc::O_EXCL) as usize;
    let (place, limits) = (name.as_ptr() as usize, attributes.as_ptr() as usize);
    let opened = call(libc::SYS_mq_open, [place, flags, 0o600, limits, 0, 0]);
    let queue = match opened {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => return Ok(()),
        other => other.context("mq_open")?,
    };
    call(libc::SYS_mq_unlink, [place, 0, 0, 0, 0, 0]).context("mq_unlink")?;
    let mut buffer = vec![8_u8; LARGEST];
    for bytes in [0, 1, work.random.between(2, LARGEST), LARGEST] {
        let message = buffer.as_mut_ptr() as usize;
        call(libc::SYS_mq_timedsend, [queue, message, bytes, 0, 0, 0]).context("mq_timedsend")?;
        let wanted = [queue, message, LARGEST, 0, 0, 0];
        let got = call(libc::SYS_mq_timedreceive, wanted).context("mq_timedreceive")?;
        ensure!(got == bytes, "{got} of {bytes} bytes");
        work.expected.both("other", bytes);
    }
    // A message that is longer than the queue allows is not copied.
    let message = buffer.as_ptr() as usize;
    let refused = call(
        libc::SYS_mq_timedsend,
        [queue, message, LARGEST + 1, 0, 0, 0],
    );
    ensure!(refused.is_err(), "EMSGSIZE was expected");
    call(libc::SYS_close, [queue, 0, 0, 0, 0, 0]).context("close")?;
    Ok(())
}

fn system_v(work: &mut Work) -> Result<()> {
    let private = [libc::IPC_PRIVATE as usize, 0o600, 0, 0, 0, 0];
    let queue = match call(libc::SYS_msgget, private) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => return Ok(()),
        other => other.context("msgget")?,
    };
    // A message is its type, which is no payload, and its text.
    let mut message = vec![1_usize; 1 + LARGEST / 8];
    let place = message.as_mut_ptr() as usize;
    let moved = (|| -> Result<()> {
        for bytes in [0, 1, work.random.between(100, LARGEST), LARGEST] {
            call(libc::SYS_msgsnd, [queue, place, bytes, 0, 0, 0]).context("msgsnd")?;
            // With MSG_NOERROR the rest of a message that is too long is thrown away.
            let room = bytes.min(1_000);
            let noerror = 0o10_000;
            let got = call(libc::SYS_msgrcv, [queue, place, room, 0, noerror, 0])?;
            ensure!(got == room, "{got} of {room} bytes");
            work.expected.add_from_user("other", bytes);
            work.expected.add_to_user("other", got);
        }
        Ok(())
    })();
    call(
        libc::SYS_msgctl,
        [queue, libc::IPC_RMID as usize, 0, 0, 0, 0],
    )
    .context("msgctl")?;
    moved
}
