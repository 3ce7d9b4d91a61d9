//! The two disks: the first is for work, the second is the mailbox.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use mailbox::Pulse;
use nix::fcntl::OFlag;

/// The work disk.
pub(crate) const WORK: &str = "/dev/vda";

const MAILBOX: &str = "/dev/vdb";

/// A driver that has just been loaded may still be looking at its device.
const PATIENCE: Duration = Duration::from_secs(10);

const BEAT: Duration = Duration::from_secs(1);

/// Opens the mailbox past the page cache, so that nothing of it is ever written back later.
pub(crate) fn mailbox() -> Result<File> {
    let begin = Instant::now();
    loop {
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_DIRECT.bits())
            .open(MAILBOX);
        match opened {
            Err(error) if error.kind() == io::ErrorKind::NotFound && begin.elapsed() < PATIENCE => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(
                "there is no {MAILBOX}: this kernel has no driver for virtio disks built in, and no \
                 module with one came; --kernel-modules DIR gives its lib/modules/VERSION"
            ),
            other => return other.with_context(|| format!("open({MAILBOX})")),
        }
    }
}

/// Shows the host from now on that PID 1 gets to run.
pub(crate) fn beat(disk: File) -> Result<()> {
    let mut pulse = Pulse::new(disk).context("mmap(pulse)")?;
    pulse.beat().context("write(pulse)")?;
    thread::Builder::new()
        .name("pulse".to_owned())
        .spawn(move || {
            // Without a pulse the host ends the guest, which is right when this cannot write.
            while pulse.beat().is_ok() {
                thread::sleep(BEAT);
            }
        })
        .context("spawn(pulse)")?;
    Ok(())
}
