//! The third option: packages of Debian or Ubuntu, downloaded and unpacked into the cache, and a
//! `bpf-linker` built against their LLVM.

mod family;
mod packages;
mod print;

use std::{fs, path::Path};

use anyhow::{Result, bail};

use super::{
    Refusal, linker, shims,
    stamp::{Origin, Stamp},
    trial,
};
use crate::{
    apt,
    cache::{Cache, Locked, Staging},
    path,
    problem::{self, Cause, Problem},
    say,
    tool::Tool,
};
pub(crate) use print::print;

const NAME: &str = "packages of the distribution";

/// Measured: at most 810 MiB while the linker is built; 540 MiB stay.
const SPACE_BYTES: u64 = 1100 << 20;

/// Programs without which this cannot be tried at all.
const PROGRAMS: &[&str] = &["apt-get", "apt-cache", "dpkg"];

/// Folders of the packages that building never reads.
const UNNEEDED: &[&str] = &["usr/share", "usr/libexec", "usr/include", "usr/bin/rustdoc"];

/// The refusal that names the first program that this machine lacks.
pub(crate) fn missing_program() -> Option<Refusal> {
    let missing = PROGRAMS
        .iter()
        .find(|program| path::find(program).is_none())?;
    Some(Refusal {
        option: NAME,
        why: format!("there is no {missing} on PATH"),
    })
}

/// Makes the toolchain and moves it into the cache.
pub(crate) fn prepare(cache: &Cache, locked: &Locked<'_>, staging: &Staging) -> Result<Stamp> {
    require_c_compiler()?;
    cache.require_space(SPACE_BYTES)?;
    let toolchain = staging.path().join("toolchain");
    match make(staging.path(), &toolchain) {
        Ok(stamp) => {
            stamp.write(&toolchain)?;
            locked.put_toolchain(staging, &toolchain)?;
            Ok(stamp)
        }
        Err(error) if is_full_disk(&error) => {
            bail!(cache.no_space("the disk filled up during set-up", SPACE_BYTES))
        }
        Err(error) => Err(error),
    }
}

fn make(work: &Path, toolchain: &Path) -> Result<Stamp> {
    let (packages, debs) = apt::fetch(work, &packages::Compiler)?;
    let (summary, llvm) = (packages::summary(&packages), packages::llvm(&packages));
    let text = format!("unpack {} packages: {summary}", packages.len());
    say::step(text, || unpack(&debs, &toolchain.join("root")))?;
    let text = format!("build bpf-linker {} against LLVM {llvm}", linker::VERSION);
    say::step(text, || linker::build(work, toolchain, llvm))?;
    shims::write(toolchain)?;
    say::step("trial build of a small eBPF program", || {
        try_out(work, toolchain)
    })?;
    Ok(Stamp::new(Origin::Debian, summary))
}

fn unpack(debs: &Path, root: &Path) -> Result<()> {
    apt::unpack(debs, root)?;
    for below in UNNEEDED {
        let path = root.join(below);
        // This only saves space, so a package without the folder is fine.
        let _ = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
    }
    Ok(())
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
        what: format!("the toolchain from the distribution's packages {what}"),
        now: said.to_owned(),
        why: "the counting programs run in the kernel and are built for BPF".to_owned(),
        commands: linker::rustup_commands(),
    }
}

fn require_c_compiler() -> Result<()> {
    let now = match Tool::new("cc").arg("--version").capture() {
        Ok(said) if said.status.success() => return Ok(()),
        Ok(said) => format!("`cc --version` ended with {}", said.status),
        Err(_) => "there is no cc on PATH".to_owned(),
    };
    bail!(Problem {
        what: "there is no C compiler".to_owned(),
        now,
        why: "cargo links bpf-linker and every build script through cc".to_owned(),
        commands: vec!["sudo apt-get install gcc libc6-dev".to_owned()],
    })
}

fn is_full_disk(error: &anyhow::Error) -> bool {
    let said = format!("{error:#}");
    problem::cause(&said) == Cause::Space || said.contains("(os error 28)")
}
