//! Builds the eBPF object into `OUT_DIR/mmap-trace-ebpf`.
//!
//! The object needs a toolchain of its own. `cargo xtask setup` installs one in its cache, with a substitute for
//! rustup that aya-build finds if `PATH` begins with the cache's `bin`.
//! A process cannot safely change its own environment, so the build script runs itself again with that `PATH`.
//! Without that toolchain, aya-build uses rustup's nightly and the `bpf-linker` on `PATH`.
//!
//! `AYA_BUILD_SKIP=1` keeps the object of an earlier build. If there is none, the build fails, because a tracer
//! without its programs would fail later and less clearly.

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

/// Set for the second run, which only builds the object.
const INNER: &str = "MMAP_TRACE_BUILD_INNER";
const OBJECT: &str = "mmap-trace-ebpf";
const EBPF_DIR: &str = "../mmap-trace-ebpf";

/// Whether this is the second run.
pub(crate) fn is_inner() -> bool {
    env::var_os(INNER).is_some()
}

/// Builds the object by running the build script again.
pub(crate) fn build(out_dir: &Path) -> Result<()> {
    for path in [EBPF_DIR, "../Cargo.lock"] {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-env-changed=AYA_BUILD_SKIP");
    share_nested_target(out_dir);
    run_again(find_path()?)?;
    if !out_dir.join(OBJECT).is_file() {
        bail!(
            "AYA_BUILD_SKIP is set, but there is no eBPF object of an earlier build: unset it, and run `cargo xtask setup`"
        );
    }
    Ok(())
}

/// Builds the object, in the second run.
pub(crate) fn build_object() -> Result<()> {
    let package = Package {
        name: OBJECT,
        root_dir: EBPF_DIR,
        no_default_features: false,
        features: &["kernel"],
    };
    aya_build::build_ebpf([package], Toolchain::Nightly)
        .context("cannot build the eBPF object; the warnings above are its errors")
}

/// Makes all profiles, and clippy, build the object in one place; with a directory of its own, each would compile
/// aya-ebpf again. If cargo lays out its directories differently, this does nothing.
fn share_nested_target(out_dir: &Path) {
    let build = out_dir.ancestors().find(|dir| dir.ends_with("build"));
    let Some(target) = build.and_then(Path::parent).and_then(Path::parent) else {
        return;
    };
    let shared = target.join("ebpf");
    let link = out_dir.join("aya-build");
    // A link may be stale because the target directory was moved. A directory cannot be removed like this, and
    // stays in use.
    let _ = fs::remove_file(&link);
    if fs::create_dir_all(&shared).is_ok() {
        let _ = symlink(&shared, &link);
    }
}

/// Starts the second run.
fn run_again(path: Option<OsString>) -> Result<()> {
    let program = env::current_exe().context("current_exe()")?;
    let mut command = Command::new(&program);
    // Cargo is quiet, because aya-build turns each of its lines into a warning.
    command.env(INNER, "1").env("CARGO_TERM_QUIET", "true");
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let status = command
        .status()
        .with_context(|| format!("spawn({})", program.display()))?;
    // The second run has printed its error.
    if status.success() {
        Ok(())
    } else {
        bail!("cannot build the eBPF object: the build script ended with {status}")
    }
}

/// The `PATH` with the toolchain of the cache; `None` to use rustup's nightly.
fn find_path() -> Result<Option<OsString>> {
    let toolchain = cache_dir().map(|cache| cache.join("bpf-toolchain"));
    let bin = toolchain.as_ref().map(|toolchain| toolchain.join("bin"));
    if let (Some(toolchain), Some(bin)) = (toolchain, bin)
        && bin.join("rustup").is_file()
    {
        // The setup writes this file last: a new toolchain needs a new object.
        println!(
            "cargo::rerun-if-changed={}",
            toolchain.join("stamp.toml").display()
        );
        let current = env::var_os("PATH").unwrap_or_default();
        let dirs = std::iter::once(bin).chain(env::split_paths(&current));
        return env::join_paths(dirs)
            .map(Some)
            .context("the path of the cache contains a colon, so it cannot be part of PATH");
    }
    if skipped() || nightly_builds_core() {
        return Ok(None);
    }
    bail!(
        "no toolchain for the eBPF programs: run `cargo xtask setup` (it needs no root and changes nothing outside of its cache)"
    )
}

/// The cache directory, chosen as `xtask` does. A change of one of these variables reruns the build script.
fn cache_dir() -> Option<PathBuf> {
    const CANDIDATES: &[(&str, &str)] = &[
        ("MMAP_TRACE_CACHE", ""),
        ("XDG_CACHE_HOME", "mmap-trace"),
        ("HOME", ".cache/mmap-trace"),
    ];
    CANDIDATES.iter().find_map(|(name, below)| {
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

/// Whether `AYA_BUILD_SKIP` is set, as aya-build reads it.
fn skipped() -> bool {
    env::var_os("AYA_BUILD_SKIP")
        .is_some_and(|value| value == "1" || value.eq_ignore_ascii_case("true"))
}

fn nightly_builds_core() -> bool {
    // The question must not make rustup install a nightly.
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
