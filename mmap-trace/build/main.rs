//! Writes the table of lessons, and builds the eBPF object if the feature `count` is on.
#![allow(
    clippy::print_stdout,
    reason = "cargo reads the output of a build script"
)]

#[cfg(feature = "count")]
mod ebpf;
mod lessons;

use std::{env, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Cargo shows this line, and hides stderr unless the build fails.
            println!("cargo::error={}", format!("{error:#}").replace('\n', " "));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    println!("cargo::rerun-if-changed=build");
    #[cfg(feature = "count")]
    if ebpf::is_inner() {
        return ebpf::build_object();
    }
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").context("OUT_DIR is not set")?);
    lessons::embed(&out_dir)?;
    #[cfg(feature = "count")]
    ebpf::build(&out_dir)?;
    Ok(())
}
