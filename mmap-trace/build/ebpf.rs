//! Builds the eBPF object into `OUT_DIR/mmap-trace-ebpf`.
//!
//! The object needs a toolchain of its own. `cargo xtask setup` leaves one in its cache, with a
//! stand-in for rustup that aya-build finds when `PATH` begins with the cache's `bin`. A process
//! cannot safely change its own environment, so the build script runs itself once more with it.
//! Without that toolchain, rustup's nightly and the `bpf-linker` on `PATH` are used as aya-build does.
//!
//! `AYA_BUILD_SKIP=1` keeps the object of an earlier build; without one the build fails, because a
//! tracer without its programs would fail later and less clearly.

use std::{
    env,
    ffi::OsString,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use aya_build::{Package, Toolchain};

/// Set for the second run, in which only the object is built.
const INNER: &str = "MMAP_TRACE_BUILD_INNER";
const OBJECT: &str = "mmap-trace-ebpf";
const EBPF_DIR: &str = "../mmap-trace-ebpf";

/// Whether this is the second run.
pub(crate) fn is_inner() -> bool {
    env::var_os(INNER).is_some()
}

/// Builds the object, by running the build script again.
pub(crate) fn build(out_dir: &Path) -> Result<()> {
    for path in [EBPF_DIR, "../Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=AYA_BUILD_SKIP");
    share_nested_target(out_dir);
    run_again(find_path()?)?;
    if !out_dir.join(OBJECT).is_file() {
        bail!(
            "AYA_BUILD_SKIP is set and no eBPF object was built before: unset it, and run `cargo xtask setup`"
        );
    }
    Ok(())
}

/// The second run.
pub(crate) fn build_object() -> Result<()> {
    let package = Package {
        name: OBJECT,
        root_dir: EBPF_DIR,
        no_default_features: false,
        features: &["kernel"],
    };
    aya_build::build_ebpf([package], Toolchain::Nightly)
        .context("the eBPF object cannot be built; its errors stand above as warnings")
}

/// Lets all profiles, and clippy, build the object in one place: each has an `OUT_DIR` of its own, and
/// would compile aya-ebpf again. Where cargo lays out its directories otherwise, each does.
fn share_nested_target(out_dir: &Path) {
    let build = out_dir.ancestors().find(|dir| dir.ends_with("build"));
    let Some(target) = build.and_then(Path::parent).and_then(Path::parent) else {
        return;
    };
    let shared = target.join("ebpf");
    let link = out_dir.join("aya-build");
    // It may be left from before the target directory was moved. A directory of an earlier layout
    // is not a link, and stays in use.
    let _ = fs::remove_file(&link);
    if fs::create_dir_all(&shared).is_ok() {
        let _ = symlink(&shared, &link);
    }
}

/// Runs this program as the inner one.
fn run_again(path: Option<OsString>) -> Result<()> {
    let program = env::current_exe().context("current_exe()")?;
    let mut command = Command::new(&program);
    // Quiet: aya-build turns every line of cargo into a warning.
    command.env(INNER, "1").env("CARGO_TERM_QUIET", "true");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let status = command
        .status()
        .with_context(|| format!("spawn({})", program.display()))?;
    // The inner one has named its error.
    if status.success() {
        Ok(())
    } else {
        bail!("eBPF build: {status}")
    }
}

/// The `PATH` that leads to the cache's toolchain; `None` to use a nightly as it is.
fn find_path() -> Result<Option<OsString>> {
    let toolchain = cache_dir().map(|cache| cache.join("bpf-toolchain"));
    let bin = toolchain.as_ref().map(|toolchain| toolchain.join("bin"));
    if let (Some(toolchain), Some(bin)) = (toolchain, bin)
        && bin.join("rustup").is_file()
    {
        // Written last by set-up: a new toolchain means a new object.
        println!(
            "cargo::rerun-if-changed={}",
            toolchain.join("stamp.toml").display()
        );
        let current = env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(bin).chain(env::split_paths(&current));
        return env::join_paths(dirs)
            .map(Some)
            .context("the cache's path cannot stand in PATH");
    }
    if skipped() || nightly_builds_core() {
        return Ok(None);
    }
    bail!(
        "no toolchain for the eBPF programs: run `cargo xtask setup` (it installs nothing and needs no root)"
    )
}

/// As `xtask` chooses it; a change of any variable asked for runs this program again.
fn cache_dir() -> Option<PathBuf> {
    const PLACES: &[(&str, &str)] = &[
        ("MMAP_TRACE_CACHE", ""),
        ("XDG_CACHE_HOME", "mmap-trace"),
        ("HOME", ".cache/mmap-trace"),
    ];
    PLACES.iter().find_map(|(name, below)| {
        println!("cargo::rerun-if-env-changed={name}");
        let base = PathBuf::from(env::var_os(name)?);
        base.is_absolute().then(|| {
            if below.is_empty() {
                base
            } else {
                base.join(below)
            }
        })
    })
}

/// Read as aya-build reads it.
fn skipped() -> bool {
    env::var_os("AYA_BUILD_SKIP")
        .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

fn nightly_builds_core() -> bool {
    // A nightly that is not there must not be installed by asking for it.
    let sysroot = Command::new("rustup")
        .args(["run", "nightly", "rustc", "--print", "sysroot"])
        .env("RUSTUP_AUTO_INSTALL", "0")
        .output();
    let Ok(sysroot) = sysroot else { return false };
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let linker = Command::new("bpf-linker").arg("--version").output();
    !sysroot.is_empty()
        && Path::new(&sysroot)
            .join("lib/rustlib/src/rust/library/core")
            .is_dir()
        && linker.is_ok_and(|linker| linker.status.success())
}
