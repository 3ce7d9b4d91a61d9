//! Staging folders: content is prepared there and then renamed to its place.

use std::{
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use anyhow::{Context as _, Result};
use fs_err as fs;

use super::Locked;

const STAGING: &str = "staging-";

/// A folder in which content is prepared; dropping it deletes what was not moved.
#[derive(Debug)]
pub(crate) struct Staging {
    path: PathBuf,
}

impl Locked<'_> {
    pub(crate) fn staging(&self) -> Result<Staging> {
        // Unpacking a kernel may need a program that has to be unpacked first.
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = self
            .cache
            .root
            .join(format!("{STAGING}{}-{number}", process::id()));
        fs::create_dir(&path).with_context(|| format!("create_dir({})", path.display()))?;
        Ok(Staging { path })
    }

    pub(crate) fn put_toolchain(&self, staging: &Staging, part: &Path) -> Result<()> {
        self.put(staging, part, &self.cache.toolchain())
    }

    /// Moves `part` of the staging folder to `place` in the cache.
    pub(crate) fn put(&self, staging: &Staging, part: &Path, place: &Path) -> Result<()> {
        let place = &self.cache.root.join(place);
        if place.exists() {
            // Renamed, not deleted, so that a build meanwhile sees all of the old one or the new one.
            let old = staging.path.join("old");
            rename(place, &old)?;
        }
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        rename(part, place)
    }

    /// Deletes staging folders: their makers have ended, because they no longer hold the lock.
    pub(super) fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.cache.root) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                // This fails while a child of a killed run still writes there; the next run deletes it.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    Ok(fs::rename(from, to)?)
}

impl Staging {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next run deletes what cannot be deleted now.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Cache, *};

    #[test]
    fn the_next_run_deletes_what_a_killed_run_left() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: dir.path().join("cache"),
        };
        fs::create_dir_all(cache.root.join("staging-1/deep")).unwrap();
        let _locked = cache.lock().unwrap();
        assert!(!cache.root.join("staging-1").exists());
    }

    #[test]
    fn a_toolchain_replaces_its_predecessor() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache {
            root: dir.path().to_path_buf(),
        };
        fs::create_dir_all(cache.toolchain().join("old-file")).unwrap();
        let locked = cache.lock().unwrap();
        let staging = locked.staging().unwrap();
        let part = staging.path().join("part");
        fs::create_dir_all(part.join("new-file")).unwrap();
        locked.put_toolchain(&staging, &part).unwrap();
        drop(staging);
        assert!(cache.toolchain().join("new-file").exists());
        assert!(!cache.toolchain().join("old-file").exists());
    }
}
