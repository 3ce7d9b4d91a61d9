//! The second option: rustup's nightly, which builds `core` from source, and the user's own `bpf-linker`.

use std::path::Path;

use anyhow::Result;
use mmap_trace::text::search_path;

use super::{Refusal, trial};
use crate::{cache::Staging, say, tool::Tool};

pub(crate) const NAME: &str = "rustup's nightly";

/// Its fingerprint, if it builds a trial program.
pub(crate) fn prepare(staging: &Staging) -> Result<Result<String, Refusal>> {
    if let Err(refusal) = examine()? {
        return Ok(Err(refusal));
    }
    let built = say::step(
        "trial build with rustup's nightly and the bpf-linker on PATH",
        || {
            trial::build(
                &staging.path().join("trial-nightly"),
                &run("cargo"),
                trial::Core::FromSource,
            )
        },
    )?;
    if built.status.success() {
        return Ok(Ok(fingerprint()?));
    }
    // For example because the linker's LLVM is older than rustc's.
    Ok(Err(refusal(format!(
        "its trial build fails: {}",
        built.reason()
    ))))
}

/// Whether everything is there, judged without a build.
pub(crate) fn examine() -> Result<Result<(), Refusal>> {
    if search_path::find("rustup").is_none() {
        return Ok(Err(refusal("there is no rustup on PATH")));
    }
    let sysroot = run("rustc").args(["--print", "sysroot"]).capture()?;
    if !sysroot.status.success() {
        return Ok(Err(refusal("rustup has no nightly")));
    }
    let source = Path::new(sysroot.stdout.trim()).join("lib/rustlib/src/rust/library/core");
    if !source.is_dir() {
        return Ok(Err(refusal("the nightly lacks rust-src")));
    }
    if search_path::find("bpf-linker").is_none() {
        return Ok(Err(refusal("there is no bpf-linker on PATH")));
    }
    let version = Tool::new("bpf-linker").arg("--version").capture()?;
    if !version.status.success() {
        let why = format!("`bpf-linker --version` fails: {}", version.reason());
        return Ok(Err(refusal(why)));
    }
    Ok(Ok(()))
}

/// The versions that the option consists of now.
pub(crate) fn fingerprint() -> Result<String> {
    let rustc = run("rustc").arg("--version").capture()?.require()?;
    let linker = Tool::new("bpf-linker")
        .arg("--version")
        .capture()?
        .require()?;
    Ok(format!("nightly {}, {}", rustc.trim(), linker.trim()))
}

fn run(program: &str) -> Tool {
    // Asking for a nightly must not install one.
    Tool::new("rustup")
        .env("RUSTUP_AUTO_INSTALL", "0")
        .args(["run", "nightly", program])
}

fn refusal(why: impl Into<String>) -> Refusal {
    Refusal {
        option: NAME,
        why: why.into(),
    }
}
