//! The cache: the only place that set-up writes to. Deleting it undoes set-up.
//!
//! Set-up prepares new content in a staging folder of the cache and renames it at the end, so a killed run
//! leaves only a staging folder, which the next run deletes. A lock file keeps two runs from colliding; the
//! kernel releases it however a run ends.

mod staging;

use std::{
    env,
    ffi::OsString,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use nix::sys::statvfs::statvfs;

use crate::{problem::Problem, say};
pub(crate) use staging::Staging;

/// `mmap-trace/build/ebpf.rs` uses the same name.
pub(crate) const TOOLCHAIN: &str = "bpf-toolchain";

/// The cache, whose folder need not exist yet.
#[derive(Clone, Debug)]
pub(crate) struct Cache {
    root: PathBuf,
}

/// The cache while only this run may change it.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    cache: &'a Cache,
    // Closing it releases the lock.
    _lock: File,
}

impl Cache {
    pub(crate) fn of_this_account() -> Result<Self> {
        match directory(|name| env::var_os(name)) {
            Some(root) => Ok(Self { root }),
            None => bail!(
                "no cache directory: none of MMAP_TRACE_CACHE, XDG_CACHE_HOME and HOME is set to an \
                 absolute path"
            ),
        }
    }

    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of the eBPF toolchain once it is ready.
    pub(crate) fn toolchain(&self) -> PathBuf {
        self.root.join(TOOLCHAIN)
    }

    /// The folder of programs for VMs that this machine lacks, one folder for each package.
    pub(crate) fn programs(&self) -> PathBuf {
        self.root.join("programs")
    }

    /// The folder of kernels for VMs, one folder for each series.
    pub(crate) fn kernels(&self) -> PathBuf {
        self.root.join("kernels")
    }

    /// The folder of package lists of other suites.
    pub(crate) fn suites(&self) -> PathBuf {
        self.root.join("suites")
    }

    /// Waits until no other run changes the cache, then deletes what killed runs left.
    pub(crate) fn lock(&self) -> Result<Locked<'_>> {
        fs::create_dir_all(&self.root)?;
        let path = self.root.join("lock");
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("open({})", path.display()))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                say::note("another run is changing the cache; waiting for it");
                file.lock()
                    .with_context(|| format!("lock({})", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("try_lock({})", path.display()));
            }
        }
        let locked = Locked {
            cache: self,
            _lock: file,
        };
        locked.sweep();
        Ok(locked)
    }

    /// Fails if the disk cannot hold `bytes` more.
    pub(crate) fn require_space(&self, bytes: u64) -> Result<()> {
        let stat =
            statvfs(&self.root).with_context(|| format!("statvfs({})", self.root.display()))?;
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        if free >= bytes {
            return Ok(());
        }
        bail!(self.no_space(&format!("{} MiB free", free >> 20), bytes))
    }

    /// The message for a disk that is, or would become, full.
    pub(crate) fn no_space(&self, now: &str, bytes: u64) -> Problem {
        Problem {
            what: format!("not enough space for the cache in {}", self.root.display()),
            now: now.to_owned(),
            why: format!(
                "set-up needs {} MiB while it works, and keeps half of that",
                bytes >> 20
            ),
            commands: vec!["MMAP_TRACE_CACHE=/a/larger/disk cargo xtask setup".to_owned()],
        }
    }
}

/// Chooses the directory; ignores relative and empty values.
fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    const PLACES: &[(&str, &str)] = &[
        ("MMAP_TRACE_CACHE", ""),
        ("XDG_CACHE_HOME", "mmap-trace"),
        ("HOME", ".cache/mmap-trace"),
    ];
    PLACES.iter().find_map(|(name, below)| {
        let base = PathBuf::from(variable(name)?);
        base.is_absolute().then(|| {
            if below.is_empty() {
                base
            } else {
                base.join(below)
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(set: &[(&str, &str)]) -> Option<String> {
        let variable = |name: &str| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        };
        directory(variable).map(|path| path.display().to_string())
    }

    #[test]
    fn mmap_trace_cache_comes_first_and_names_the_cache_itself() {
        let set = [
            ("MMAP_TRACE_CACHE", "/c"),
            ("XDG_CACHE_HOME", "/x"),
            ("HOME", "/h"),
        ];
        assert_eq!(chosen(&set).as_deref(), Some("/c"));
        assert_eq!(chosen(&set[1..]).as_deref(), Some("/x/mmap-trace"));
        assert_eq!(chosen(&set[2..]).as_deref(), Some("/h/.cache/mmap-trace"));
    }

    #[test]
    fn empty_and_relative_values_are_ignored() {
        let set = [
            ("MMAP_TRACE_CACHE", ""),
            ("XDG_CACHE_HOME", "x"),
            ("HOME", "/h"),
        ];
        assert_eq!(chosen(&set).as_deref(), Some("/h/.cache/mmap-trace"));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn a_disk_that_is_too_small_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::at(dir.path());
        assert!(cache.require_space(1).is_ok());
        let error = cache.require_space(u64::MAX).unwrap_err().to_string();
        assert!(error.contains("MMAP_TRACE_CACHE="), "{error}");
    }
}
