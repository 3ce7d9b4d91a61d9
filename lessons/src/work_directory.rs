//! Where an untraced lesson keeps its files: a fresh directory on a real file system.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use tempfile::TempDir;

/// On a real disk everywhere but where somebody took pains to have it otherwise.
const USUAL: &str = "/var/tmp";

/// Makes a directory inside `wanted`, which nobody else works in.
pub(crate) fn fresh(wanted: Option<&Path>) -> Result<TempDir> {
    let place = wanted.unwrap_or(Path::new(USUAL));
    let file_system = statfs(place).with_context(|| format!("--directory {}", place.display()))?;
    ensure!(
        file_system.filesystem_type() != TMPFS_MAGIC,
        "{} is tmpfs, which has no disk behind it; choose another place with --directory DIR",
        place.display()
    );
    tempfile::Builder::new()
        .prefix("mmap-trace-")
        .tempdir_in(place)
        .with_context(|| {
            format!(
                "no directory can be made in {}; choose another place with --directory DIR",
                place.display()
            )
        })
}
