//! `bpf-linker`, built from its published source against the LLVM of the unpacked rustc.

use std::{
    env,
    ffi::OsString,
    ops::RangeInclusive,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use super::shims;
use crate::{
    problem::{self, Cause, Problem},
    tool::Tool,
};

/// The version with which this workspace is tested.
pub(crate) const VERSION: &str = "0.13.0";

/// The LLVM versions it has a feature for.
pub(crate) const LLVM: RangeInclusive<u32> = 21..=23;

/// The command that builds it into `into`, linking the LLVM below `prefix`.
pub(crate) fn install(
    prefix: &Path,
    libraries: &Path,
    target: &Path,
    into: &Path,
    llvm: &str,
) -> Tool {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    Tool::new(cargo)
        // LLVM does its work: unoptimised, it links as fast, writes the same, and builds in half the time.
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("LLVM_PREFIX", prefix)
        .env("LD_LIBRARY_PATH", libraries)
        .args(["install", "bpf-linker", "--version", VERSION, "--locked"])
        .args(["--no-default-features", "--features"])
        .arg(format!("llvm-{llvm}"))
        .arg("--target-dir")
        .arg(target)
        .arg("--root")
        .arg(into)
}

/// Builds it in `work` for the packages in `toolchain/root`.
pub(crate) fn build(work: &Path, toolchain: &Path, llvm: u32) -> Result<()> {
    let library = library(&toolchain.join("root"), llvm)?;
    let prefix = work.join("llvm");
    let lib = prefix.join("lib");
    fs::create_dir_all(&lib)?;
    // The name that `-lLLVM` looks for. The -dev package would add only this link, and 50 MB.
    let link = lib.join("libLLVM.so");
    symlink(&library, &link).with_context(|| format!("symlink({})", link.display()))?;
    let libraries = library.parent().unwrap_or(&lib);
    let tool = install(
        &prefix,
        libraries,
        &work.join("target"),
        &toolchain.join("linker"),
        &llvm.to_string(),
    );
    let said = tool.dir(work).capture()?;
    match problem::cause(&said.stderr) {
        _ if said.status.success() => Ok(()),
        Cause::Network => bail!(problem::no_network(
            "the source of bpf-linker cannot be downloaded",
            said.tail().trim()
        )),
        _ => said
            .require()
            .map(drop)
            .context("bpf-linker cannot be built"),
    }
}

/// Fails for an LLVM that this bpf-linker cannot use.
pub(crate) fn supports(llvm: u32) -> Result<()> {
    if LLVM.contains(&llvm) {
        return Ok(());
    }
    bail!(Problem {
        what: format!("bpf-linker {VERSION} cannot use the LLVM of the distribution's rustc"),
        now: format!(
            "LLVM {llvm}; bpf-linker knows {} to {}",
            LLVM.start(),
            LLVM.end()
        ),
        why: "it must read the bitcode that this rustc writes".to_owned(),
        commands: rustup_commands(),
    })
}

/// The second option by hand, which works on every distribution.
pub(crate) fn rustup_commands() -> Vec<String> {
    vec![
        "rustup toolchain install nightly --profile minimal --component rust-src".to_owned(),
        format!(
            "cargo install bpf-linker --version {} --locked --no-default-features --features \
             llvm-$(llvm-config --version | cut -d. -f1)    # LLVM {} to {}, with its headers",
            VERSION,
            LLVM.start(),
            LLVM.end()
        ),
        "cargo xtask setup".to_owned(),
    ]
}

/// LLVM's shared library among the unpacked packages.
fn library(root: &Path, llvm: u32) -> Result<PathBuf> {
    let names = [format!("libLLVM.so.{llvm}"), format!("libLLVM-{llvm}.so")];
    for dir in shims::libraries_below(root) {
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if names.iter().any(|start| name.starts_with(start)) {
                return Ok(entry.path());
            }
        }
    }
    bail!("the unpacked packages hold no shared library of LLVM {llvm}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_library_is_found_in_the_folder_of_the_architecture() {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("usr/lib/aarch64-linux-gnu");
        fs::create_dir_all(&lib).unwrap();
        assert!(library(dir.path(), 22).is_err());
        fs::write(lib.join("libLLVM.so.22.1"), "").unwrap();
        assert_eq!(
            library(dir.path(), 22).unwrap(),
            lib.join("libLLVM.so.22.1")
        );
    }

    #[test]
    fn an_llvm_without_a_feature_is_refused_with_both_versions() {
        assert!(supports(22).is_ok());
        let error = supports(19).unwrap_err().to_string();
        assert!(
            error.contains("LLVM 19") && error.contains("21 to 23"),
            "{error}"
        );
    }
}
