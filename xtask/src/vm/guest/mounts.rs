//! Mounts file systems, in the order in which they must be mounted.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use anyhow::{Context as _, Result};
use nix::mount::{MsFlags, mount};

use crate::disks;

struct Mount {
    what: &'static str,
    on: &'static str,
    options: Option<&'static str>,
}

const PSEUDO: &[Mount] = &[
    of("devtmpfs", "/dev", None),
    of("proc", "/proc", None),
    of("sysfs", "/sys", None),
    of("tracefs", "/sys/kernel/tracing", None),
    of("bpf", "/sys/fs/bpf", None),
    of("cgroup2", "/sys/fs/cgroup", None),
    of("devpts", "/dev/pts", None),
    of("tmpfs", "/dev/shm", Some("mode=1777")),
    of("tmpfs", "/tmp", Some("mode=1777")),
    of("tmpfs", "/run", Some("mode=755")),
];

const WORK: &str = "/var/tmp";

const fn of(what: &'static str, on: &'static str, options: Option<&'static str>) -> Mount {
    Mount { what, on, options }
}

/// Mounts the file systems without a disk.
pub(crate) fn pseudo() -> Result<()> {
    for one in PSEUDO {
        // sysfs has the mount point only if the kernel has the file system.
        if !Path::new(one.on).exists() && one.on.starts_with("/sys/") {
            continue;
        }
        fs::create_dir_all(one.on).with_context(|| format!("create_dir_all({})", one.on))?;
        mount(
            Some(one.what),
            one.on,
            Some(one.what),
            MsFlags::empty(),
            one.options,
        )
        .with_context(|| format!("mount({})", one.on))?;
    }
    Ok(())
}

pub(crate) fn work_disk() -> Result<()> {
    fs::create_dir_all(WORK).with_context(|| format!("create_dir_all({WORK})"))?;
    let nothing: Option<&str> = None;
    mount(
        Some(disks::WORK),
        WORK,
        Some("ext4"),
        MsFlags::empty(),
        nothing,
    )
    .with_context(|| format!("mount({}, {WORK}, ext4)", disks::WORK))?;
    fs::set_permissions(WORK, fs::Permissions::from_mode(0o1777))
        .with_context(|| format!("chmod({WORK})"))
}
