//! The directory in which an untraced lesson keeps its files: fresh, and on a disk.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;

/// `/var/tmp` is on a disk on nearly every machine, unlike `/tmp`.
const DEFAULT: &str = "/var/tmp";

/// Makes a new directory inside `wanted`.
pub(crate) fn fresh(wanted: Option<&Path>) -> Result<TempDir> {
    let place = wanted.unwrap_or(Path::new(DEFAULT));
    let file_system = statfs(place).with_context(|| format!("--directory {}", place.display()))?;
    ensure!(
        file_system.filesystem_type() != TMPFS_MAGIC,
        "{} is on tmpfs, which has no disk behind it; choose a directory on a disk with --directory DIR",
        place.display()
    );
    tempfile::Builder::new()
        .prefix("mmap-trace-")
        .tempdir_in(place)
        .with_context(|| {
            format!(
                "cannot make a directory in {}; choose another one with --directory DIR",
                place.display()
            )
        })
}
