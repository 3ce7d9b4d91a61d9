//! Where things lie: the repository and its target directory.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{account::Builder, tool::Tool};

/// The oldest rustc the workspace is written for.
pub(crate) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// The root of the repository this xtask was started in.
pub(crate) fn root() -> Result<PathBuf> {
    // Cargo names the package at run time too, so a moved clone is found even before a rebuild.
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map(Path::to_path_buf)
        .with_context(|| format!("no folder above {}", package.display()))
}

/// The directory cargo builds into: the one in which this very program lies.
///
/// That is right for `target`, for `CARGO_TARGET_DIR`, and for a configured one.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("current_exe()")?;
    program
        .parent()
        .and_then(Path::parent)
        .map(Path::to_path_buf)
        .with_context(|| format!("no folder two levels above {}", program.display()))
}

/// The cargo that started this program, to be run in the repository by `builder`.
pub(crate) fn cargo(builder: &Builder) -> Result<Tool> {
    Ok(builder.run(cargo_program()).dir(root()?))
}

/// The same as root, for the programs that need it, and with the environment of `builder`.
pub(crate) fn cargo_undropped(builder: &Builder) -> Result<Tool> {
    Ok(builder.run_undropped(cargo_program()).dir(root()?))
}

fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}
