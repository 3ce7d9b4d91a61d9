//! File systems that a test makes and mounts.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::{oracle, tracer};

/// How to mount a file system on the directory `disk` of an empty directory.
pub(crate) struct Kind {
    /// As /proc/self/mountinfo names it.
    pub(crate) name: &'static str,
    tools: &'static [&'static str],
    script: &'static str,
}

pub(crate) const TMPFS: Kind = Kind {
    name: "tmpfs",
    tools: &["mount", "mkfs.ext4"],
    script: "mount -t tmpfs -o size=1g tmpfs disk",
};
pub(crate) const OVERLAYFS: Kind = Kind {
    name: "overlay",
    tools: &["mount", "mkfs.ext4"],
    script: "mkdir lower upper work && \
             mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay disk",
};
pub(crate) const XFS: Kind = Kind {
    name: "xfs",
    tools: &["mount", "mkfs.ext4", "mkfs.xfs"],
    script: "truncate -s 2G image && mkfs.xfs -q image && mount -o loop image disk",
};
pub(crate) const BTRFS: Kind = Kind {
    name: "btrfs",
    tools: &["mount", "mkfs.ext4", "mkfs.btrfs"],
    script: "truncate -s 2G image && mkfs.btrfs -q image && mount -o loop image disk",
};

pub(crate) const COMPRESSED: Kind = Kind {
    name: "btrfs",
    tools: &["mount", "mkfs.btrfs"],
    script: "truncate -s 2G image && mkfs.btrfs -q image && mount -o loop,compress-force=zstd image disk",
};

/// A mounted file system, unmounted when dropped.
pub(crate) struct Disk {
    directory: TempDir,
}

impl Disk {
    /// The inner error is the reason why this machine cannot mount one.
    pub(crate) fn of(kind: &Kind) -> Result<Result<Disk, String>> {
        if let Some(reason) = kind.tools.iter().copied().find_map(oracle::missing) {
            return Ok(Err(reason));
        }
        let disk = Disk {
            directory: tracer::open_directory()?,
        };
        fs::create_dir(disk.path())?;
        let mut shell = Command::new("sh");
        let made = shell
            .args(["-ec", kind.script])
            .current_dir(disk.directory.path())
            .output()
            .context("sh")?;
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        Ok(if made.status.success() {
            Ok(disk)
        } else {
            Err(format!("{} cannot be mounted here: {said}", kind.name))
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("disk")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).output();
    }
}

/// The pages of the page cache that hold the beginning of a file.
pub(crate) fn pages_of(bytes: u64) -> u64 {
    bytes.div_ceil(mmap_trace::count::kernel::page_size::page_bytes() as u64)
}
