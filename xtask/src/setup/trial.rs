//! Builds a tiny eBPF program: the only check that covers `core`, the linker and their LLVMs.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use crate::tool::{Captured, Tool};

const MANIFEST: &str = "\
[package]
name = \"trial\"
edition = \"2024\"

[[bin]]
name = \"trial\"
path = \"trial.rs\"

[workspace]

[profile.release]
panic = \"abort\"
";

const PROGRAM: &str = "\
#![no_std]
#![no_main]
#[unsafe(no_mangle)]
#[unsafe(link_section = \"xdp\")]
pub extern \"C\" fn trial() -> u32 { core::hint::black_box(2) }
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
";

/// Where `core` for BPF comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Core {
    /// It is part of the toolchain.
    Prebuilt,
    /// Cargo builds it from `rust-src`.
    FromSource,
}

/// Builds the program in `dir` with `cargo`, as aya-build does. An error means that cargo did not start.
pub(crate) fn build(dir: &Path, cargo: &Tool, core: Core) -> Result<Captured> {
    fs::create_dir_all(dir)?;
    for (name, text) in [("Cargo.toml", MANIFEST), ("trial.rs", PROGRAM)] {
        fs::write(dir.join(name), text)?;
    }
    let target = if cfg!(target_endian = "big") {
        "bpfeb-unknown-none"
    } else {
        "bpfel-unknown-none"
    };
    let mut tool = cargo
        .clone()
        .args([
            "build",
            "--release",
            "--offline",
            "--target",
            target,
            "--target-dir",
        ])
        .arg(dir.join("target"))
        .dir(dir)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            "-Cdebuginfo=2\x1f-Clink-arg=--btf",
        )
        .without_env("RUSTC_WORKSPACE_WRAPPER");
    if core == Core::FromSource {
        tool = tool.args(["-Z", "build-std=core"]);
    }
    tool.capture()
}
