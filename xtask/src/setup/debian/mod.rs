//! Way 3: packages of Debian or Ubuntu, downloaded and unpacked into the cache.
//!
//! apt resolves, downloads and verifies; dpkg unpacks. Neither installs anything here, so neither
//! needs root.

mod family;
mod lists;
mod packages;
mod print;
mod unpack;

use std::path::Path;

use anyhow::{Result, bail};

use super::{
    Refusal, elsewhere, linker, shims,
    stamp::{Stamp, Way},
    trial,
};
use crate::{
    cache::{Cache, Locked, Staging},
    path,
    problem::{self, Cause, Problem},
    say,
    tool::Tool,
};
pub(crate) use lists::Lists;
pub(crate) use packages::Control;
pub(crate) use print::print;
pub(crate) use unpack::{download_failed, first_error, unpack_all};

const WAY: &str = "packages of the distribution";

/// Measured: 810 MiB at most, while the linker is built; 540 stay.
const SPACE: u64 = 1100 << 20;

/// Programs without which this way cannot be tried at all.
const PROGRAMS: &[&str] = &["apt-get", "apt-cache", "dpkg", "dpkg-query"];

/// The first of them that this machine lacks.
pub(crate) fn missing_program() -> Option<Refusal> {
    let missing = PROGRAMS
        .iter()
        .find(|program| path::find(program).is_none())?;
    Some(Refusal {
        way: WAY,
        why: format!("there is no {missing} on PATH"),
    })
}

/// Makes the toolchain and puts it in place.
pub(crate) fn prepare(cache: &Cache, locked: &Locked<'_>, staging: &Staging) -> Result<Stamp> {
    require_c_compiler()?;
    cache.require_space(SPACE)?;
    let toolchain = staging.path().join("toolchain");
    match make(staging.path(), &toolchain) {
        Ok(stamp) => {
            stamp.write(&toolchain)?;
            locked.put_toolchain(staging, &toolchain)?;
            Ok(stamp)
        }
        Err(error) if is_full_disk(&error) => {
            bail!(cache.no_space("the disk filled up meanwhile", SPACE))
        }
        Err(error) => Err(error),
    }
}

fn make(work: &Path, toolchain: &Path) -> Result<Stamp> {
    let (packages, debs) = unpack::fetch(work)?;
    let text = format!(
        "unpack {} packages: a rustc with `core` for BPF, and its LLVM",
        packages.names.len()
    );
    say::step(text, || unpack::unpack(&debs, &toolchain.join("root")))?;
    let text = format!(
        "build bpf-linker {} against LLVM {}",
        linker::VERSION,
        packages.llvm
    );
    say::step(text, || linker::build(work, toolchain, packages.llvm))?;
    shims::write(toolchain)?;
    say::step("trial build of a small eBPF program", || {
        try_out(work, toolchain)
    })?;
    Ok(Stamp::new(Way::Debian, packages.summary()))
}

fn try_out(work: &Path, toolchain: &Path) -> Result<()> {
    let bin = toolchain.join("bin");
    let started = Tool::new(bin.join("rustc")).arg("-vV").capture()?;
    if !started.status.success() {
        bail!(unfit("does not run", started.reason()));
    }
    let cargo = Tool::new(bin.join("rustup")).args(["run", "bpf", "cargo"]);
    let built = trial::build(&work.join("trial"), &cargo, trial::Core::Prebuilt)?;
    if !built.status.success() {
        bail!(unfit("cannot build an eBPF program", built.reason()));
    }
    Ok(())
}

fn unfit(what: &str, said: &str) -> Problem {
    Problem {
        what: format!("the toolchain made of the distribution's packages {what}"),
        now: said.to_owned(),
        why: "the counting programs run in the kernel and are built for BPF".to_owned(),
        commands: elsewhere::rustup_commands(),
    }
}

fn require_c_compiler() -> Result<()> {
    let now = match Tool::new("cc").arg("--version").capture() {
        Ok(said) if said.status.success() => return Ok(()),
        Ok(said) => format!("`cc --version` ended with {}", said.status),
        Err(_) => "there is no cc on PATH".to_owned(),
    };
    bail!(Problem {
        what: "no C compiler".to_owned(),
        now,
        why: "cargo links bpf-linker, and every build script, through cc".to_owned(),
        commands: vec!["sudo apt-get install gcc libc6-dev".to_owned()],
    })
}

fn is_full_disk(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    problem::cause(&said) == Cause::Space || said.contains("(os error 28)")
}
