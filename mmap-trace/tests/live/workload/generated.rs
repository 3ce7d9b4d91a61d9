//! Regular files whose content the kernel makes up, on every file system of this machine that has some.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{Play, Work};
use crate::sys;

pub(super) const PLAYS: &[(&str, Play)] = &[("generated-files", read_all)];

/// One readable file of each file system; what a machine does not have is left out.
const FILES: [&str; 12] = [
    "/proc/version",
    "/proc/self/status",
    "/proc/sys/kernel/ostype",
    "/proc/sys/fs/binfmt_misc/status",
    "/proc/fs/ext4/nothing",
    "/sys/kernel/uevent_seqnum",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/fs/bpf/maps.debug",
    "/sys/kernel/security/lsm",
    "/sys/kernel/tracing/trace_clock",
    "/sys/kernel/debug/sleep_time",
    "/sys/fs/selinux/enforce",
];

/// Folders with a file of control groups, which lie in different places.
const CONTROL_GROUPS: [&str; 3] = [
    "/sys/fs/cgroup",
    "/sys/fs/cgroup/unified",
    "/sys/fs/cgroup/memory",
];

fn read_all(work: &mut Work) -> Result<()> {
    let groups = CONTROL_GROUPS.map(|folder| Path::new(folder).join("cgroup.procs"));
    let files = FILES.iter().map(PathBuf::from).chain(groups);
    let mut read = 0;
    for path in files {
        let Ok(file) = File::open(&path) else {
            continue;
        };
        let mut buffer = [0; 4096];
        let Ok(bytes) = sys::read(&file, &mut buffer) else {
            continue;
        };
        work.expected.add_to_user("other", bytes);
        read += 1;
    }
    ensure!(read >= 3, "only {read} files can be read");
    // Among all these a file with a page cache keeps its path.
    let path = work.path("cached");
    fs::write(&path, [1; 100]).context("write")?;
    work.expected.add_from_user("page_cache", 100);
    let file = File::open(&path)?;
    let bytes = sys::read(&file, &mut [0; 4096])?;
    work.expected.add_to_user("page_cache", bytes);
    Ok(())
}
