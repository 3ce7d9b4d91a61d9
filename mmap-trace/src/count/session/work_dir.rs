//! A fresh directory on a real disk for each run, and the end of those that dead runs left behind.

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

use super::identity::Identity;
use crate::count::kernel::disk::Disk;

/// Where work directories go by default: on most machines a disk, and never the clone.
pub const DEFAULT_PARENT: &str = "/var/tmp";

const PREFIX: &str = "mmap-trace-work-";
/// A directory younger than this may belong to a run that has not locked it yet.
const SETTLED: Duration = Duration::from_mins(1);

/// A work directory: removed when dropped, swept by the next run if that never happens.
pub struct WorkDir {
    directory: TempDir,
    // Held while the run lives: a sweeping run can tell that this one does.
    _lock: Flock<File>,
    /// The file system it lies on.
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
        })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Fails if a lesson of this size does not fit.
    pub fn require_space(&self, size_bytes: u64) -> Result<()> {
        // The largest lesson keeps two files of its size, and file systems want room to breathe.
        let needed = size_bytes.saturating_mul(3);
        let free = self.disk.free_bytes;
        if free < needed {
            bail!(
                "the disk under {} has {} MiB free and this lesson needs {} MiB: \
                 give another directory with --work-dir DIR, or less data with --size",
                self.path().display(),
                free >> 20,
                needed >> 20
            );
        }
        Ok(())
    }
}

impl Drop for WorkDir {
    /// Root without `CAP_DAC_OVERRIDE`, as in a container, may not empty another account's directory.
    fn drop(&mut self) {
        // Where it is refused, removing tells: the next run sweeps.
        let _ = lchown(self.path(), Some(geteuid().as_raw()), None);
    }
}

/// Removes work directories whose run is dead. Returns what it removed.
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

/// A run holds a lock on its directory for as long as it lives.
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
    fn a_living_run_and_a_young_directory_are_not_swept() {
        let parent = tempfile::tempdir().unwrap();
        let young = parent.path().join(format!("{PREFIX}young"));
        fs::create_dir(&young).unwrap();
        fs::create_dir(parent.path().join("other")).unwrap();
        assert_eq!(sweep(parent.path()), Vec::<PathBuf>::new());
        assert!(young.exists());
    }
}
