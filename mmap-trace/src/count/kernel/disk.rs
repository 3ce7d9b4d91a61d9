//! The file system of a directory and its block device.

use std::{
    fs::{self, File},
    os::{fd::AsRawFd as _, unix::fs::MetadataExt as _},
    path::Path,
};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::files::kernel_dev;
use nix::sys::{
    stat::{major, minor},
    statvfs::statvfs,
};
use serde::{Deserialize, Serialize};

/// The file system that contains a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Type of the file system, from /proc/self/mountinfo.
    pub file_system: String,
    /// Type of the file system that holds it, if it is in an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_on: Option<String>,
    /// Its device as the kernel encodes it in `bio.bi_bdev->bd_dev`; `None` unless it has exactly one.
    pub device: Option<u32>,
    /// Its device as `major:minor`.
    pub device_name: String,
    /// Bytes that an unprivileged user can still write.
    pub free_bytes: u64,
}

/// File systems whose pages never reach a disk.
pub const IN_MEMORY: &[&str] = &["tmpfs", "ramfs", "devtmpfs", "rootfs", "hugetlbfs"];

impl Disk {
    /// Looks up the file system of an existing directory.
    pub fn of(directory: &Path) -> Result<Disk> {
        let shown = directory.display();
        let dev = fs::metadata(directory)
            .with_context(|| format!("stat({shown})"))?
            .dev();
        let space = statvfs(directory).with_context(|| format!("statvfs({shown})"))?;
        let (major, minor) = (major(dev) as u32, minor(dev) as u32);
        let device_name = format!("{major}:{minor}");
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("read(mountinfo)")?;
        let file_system = mount_number(directory)?
            .and_then(|number| file_system_of(&mounts, &number))
            .unwrap_or_default();
        let has_device = Path::new("/sys/dev/block").join(&device_name).exists();
        Ok(Disk {
            file_system,
            image_on: None,
            device: has_device.then(|| kernel_dev(major, minor)),
            device_name,
            free_bytes: space.blocks_available() as u64 * space.fragment_size() as u64,
        })
    }

    /// Whether files on it never reach a disk.
    #[must_use]
    pub fn is_in_memory(&self) -> bool {
        IN_MEMORY.contains(&self.file_system.as_str())
    }

    /// Readahead window of the device in bytes, from sysfs; `None` if sysfs does not have it.
    #[must_use]
    pub fn readahead_bytes(&self) -> Option<u64> {
        let directory = Path::new("/sys/dev/block").join(&self.device_name);
        // A partition has no queue of its own.
        ["queue/read_ahead_kb", "../queue/read_ahead_kb"]
            .iter()
            .find_map(|file| fs::read_to_string(directory.join(file)).ok())
            .and_then(|text| text.trim().parse::<u64>().ok())
            .map(|kib| kib * 1024)
    }
}

/// The number of the mount on which a directory lies. Its device does not tell the mount: each subvolume of
/// btrfs has a device number that mountinfo does not name.
fn mount_number(directory: &Path) -> Result<Option<String>> {
    let shown = directory.display();
    let opened = File::open(directory).with_context(|| format!("open({shown})"))?;
    let path = format!("/proc/self/fdinfo/{}", opened.as_raw_fd());
    let text = fs::read_to_string(&path).with_context(|| format!("read({path})"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("mnt_id:"));
    Ok(line.map(|number| number.trim().to_owned()))
}

/// Field 1 of mountinfo is the number of the mount, the first field after the dash is the type (proc(5)).
fn file_system_of(mounts: &str, number: &str) -> Option<String> {
    mounts
        .lines()
        .find(|line| line.split(' ').next() == Some(number))
        .and_then(|line| line.split_once(" - "))
        .and_then(|(_, rest)| rest.split(' ').next())
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn optional_fields_of_mountinfo_do_not_hide_the_type() {
        let mounts = "22 1 254:0 / / rw,relatime shared:1 master:2 - ext4 /dev/root rw\n\
                      23 22 0:21 / /tmp rw - tmpfs none rw";
        assert_eq!(file_system_of(mounts, "22").as_deref(), Some("ext4"));
        assert_eq!(file_system_of(mounts, "23").as_deref(), Some("tmpfs"));
        assert_eq!(file_system_of(mounts, "2"), None);
    }

    #[test]
    fn proc_has_no_block_device() {
        let disk = Disk::of(Path::new("/proc")).unwrap();
        assert_eq!((disk.file_system.as_str(), disk.device), ("proc", None));
    }
}
