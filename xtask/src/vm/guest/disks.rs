//! The VM's two disks: one for work, one for the mailbox.

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

pub(crate) const WORK: &str = "/dev/vda";

const MAILBOX: &str = "/dev/vdb";

/// A driver that was just loaded needs some time to find its device.
const PATIENCE: Duration = Duration::from_secs(10);

const BEAT: Duration = Duration::from_secs(1);

/// Opens the mailbox past the page cache, so that none of its pages is written back later.
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
                "there is no {MAILBOX}: this kernel has no built-in driver for virtio disks, and got no \
                 module with one; --kernel-modules DIR names its lib/modules/VERSION"
            ),
            other => return other.with_context(|| format!("open({MAILBOX})")),
        }
    }
}

/// Shows the host from now on that PID 1 runs.
pub(crate) fn beat(disk: File) -> Result<()> {
    let mut pulse = Pulse::new(disk).context("mmap(pulse)")?;
    pulse.beat().context("write(pulse)")?;
    thread::Builder::new()
        .name("pulse".to_owned())
        .spawn(move || {
            // Without a pulse the host ends the guest, as it should if the disk cannot be written.
            while pulse.beat().is_ok() {
                thread::sleep(BEAT);
            }
        })
        .context("spawn(pulse)")?;
    Ok(())
}
