//! Where the repository and its target directory are, and the cargo that builds them.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{account::Builder, tool::Tool};

pub(crate) const RUST_VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

/// The root of the repository in which this xtask was started.
pub(crate) fn root() -> Result<PathBuf> {
    // Cargo sets the variable at run time too, so a clone that was moved is found even before a rebuild.
    let package = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    package
        .parent()
        .map(Path::to_path_buf)
        .with_context(|| format!("{} has no folder above it", package.display()))
}

/// The directory into which cargo builds: the one that holds this program, whether that is `target`,
/// `CARGO_TARGET_DIR` or a configured one.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let program = env::current_exe().context("current_exe()")?;
    program
        .ancestors()
        .nth(2)
        .map(Path::to_path_buf)
        .with_context(|| format!("{} has no folder two levels above it", program.display()))
}

pub(crate) fn built(program: &str) -> Result<PathBuf> {
    Ok(target_dir()?.join("release").join(program))
}

/// The cargo that started this program, to be run in the repository by `builder`.
pub(crate) fn cargo(builder: &Builder) -> Result<Tool> {
    Ok(builder.run(cargo_program()).dir(root()?))
}

/// The same cargo with the environment of `builder`, but as root if this program is root.
pub(crate) fn cargo_undropped(builder: &Builder) -> Result<Tool> {
    Ok(builder.run_undropped(cargo_program()).dir(root()?))
}

fn cargo_program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}
