//! Makes a new work directory for each run, and removes those that killed runs left behind.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{MetadataExt as _, lchown},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use anyhow::{Context as _, Result, bail};
use nix::{
    fcntl::{Flock, FlockArg},
    unistd::{chown, geteuid},
};
use tempfile::TempDir;

use super::{
    identity::Identity,
    image::{self, Ext4Image},
};
use crate::count::kernel::disk::Disk;

/// The default parent of work directories: on a disk on most machines, and never in the repository.
pub const DEFAULT_PARENT: &str = "/var/tmp";

const PREFIX: &str = "mmap-trace-work-";
/// A younger directory may belong to a run that has not locked it yet.
const SETTLED: Duration = Duration::from_mins(1);

/// A work directory. It is removed when dropped, or by the next run if this one is killed.
pub struct WorkDir {
    directory: TempDir,
    // Held as long as the run lives, so that other runs do not remove the directory.
    _lock: Flock<File>,
    image: Option<Ext4Image>,
    pub disk: Disk,
}

impl WorkDir {
    /// Makes a directory under `parent` that belongs to `owner`.
    pub fn create(parent: &Path, owner: &Identity) -> Result<WorkDir> {
        let shown = parent.display();
        let directory = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(parent)
            .with_context(|| format!("cannot make a work directory in {shown}"))?;
        let handle = File::open(directory.path())
            .with_context(|| format!("open({})", directory.path().display()))?;
        let Ok(lock) = Flock::lock(handle, FlockArg::LockExclusiveNonblock) else {
            bail!("cannot lock {}", directory.path().display());
        };
        chown(directory.path(), Some(owner.uid), Some(owner.gid))
            .with_context(|| format!("chown({})", directory.path().display()))?;
        Ok(WorkDir {
            disk: Disk::of(directory.path())?,
            directory,
            _lock: lock,
            image: None,
        })
    }

    /// Makes the directory an ext4 image with room for `data_bytes`.
    pub fn become_image(&mut self, data_bytes: u64, owner: &Identity) -> Result<()> {
        self.image = Some(Ext4Image::mount_over(self.path(), data_bytes, owner)?);
        let holder = std::mem::take(&mut self.disk.file_system);
        self.disk = Disk::of(self.path())?;
        if self.disk.file_system != image::FILE_SYSTEM {
            bail!(
                "{} is {} although an image is mounted on it",
                self.path().display(),
                self.disk.file_system
            );
        }
        self.disk.image_on = Some(holder);
        Ok(())
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Fails if the disk is too full for a lesson of this size.
    pub fn require_space(&self, size_bytes: u64) -> Result<()> {
        // The largest lesson keeps two files of its size, and a file system needs some spare room.
        let needed = size_bytes.saturating_mul(3);
        let free = self.disk.free_bytes;
        if free < needed {
            bail!(
                "the disk under {} has {} MiB free, and this lesson needs {} MiB: \
                 give a directory on another disk with --work-dir DIR, or reduce the data with --size",
                self.path().display(),
                free >> 20,
                needed >> 20
            );
        }
        Ok(())
    }
}

impl Drop for WorkDir {
    /// Root without `CAP_DAC_OVERRIDE`, as in a container, may not delete files in another account's directory.
    fn drop(&mut self) {
        drop(self.image.take());
        // If it fails, the directory stays, and the next run removes it.
        let _ = lchown(self.path(), Some(geteuid().as_raw()), None);
    }
}

/// Removes work directories whose run is dead, and returns their paths.
pub fn sweep(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(parent) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path())
        .filter(|path| is_dead(path).unwrap_or(false) && fs::remove_dir_all(path).is_ok())
        .collect()
}

/// A living run holds a lock on its directory.
fn is_dead(path: &Path) -> io::Result<bool> {
    let metadata = fs::symlink_metadata(path)?;
    let age = SystemTime::now()
        .duration_since(
            SystemTime::UNIX_EPOCH + Duration::from_secs(metadata.ctime().cast_unsigned()),
        )
        .unwrap_or_default();
    if !metadata.is_dir() || age < SETTLED {
        return Ok(false);
    }
    Ok(Flock::lock(File::open(path)?, FlockArg::LockExclusiveNonblock).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_young_directory_is_not_swept() {
        let parent = tempfile::tempdir().unwrap();
        let young = parent.path().join(format!("{PREFIX}young"));
        fs::create_dir(&young).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        assert_eq!(sweep(parent.path()), Vec::<PathBuf>::new());
        assert!(young.exists());
    }
}
