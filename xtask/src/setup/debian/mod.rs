//! Way 3: packages of Debian or Ubuntu, downloaded and unpacked into the cache.
//!
//! apt resolves, downloads and verifies; dpkg unpacks. Neither installs anything here, so neither
//! needs root.

mod family;
mod lists;
mod packages;
mod unpack;

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{
    Refusal, linker, shims,
    stamp::{Stamp, Way},
    trial,
};
use crate::{
    account,
    cache::{Cache, Locked, Staging},
    problem::Problem,
    say,
    tool::Tool,
};
use lists::Lists;
use packages::Packages;

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
    Tool::new(bin.join("rustc"))
        .arg("-vV")
        .capture()?
        .require()
        .context("the unpacked rustc does not run: a shared library is missing or too old")?;
    let cargo = Tool::new(bin.join("rustup")).args(["run", "bpf", "cargo"]);
    trial::build(&work.join("trial"), &cargo, trial::Core::Prebuilt)
        .context("the unpacked toolchain cannot build an eBPF program")
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
    crate::problem::cause(&said) == crate::problem::Cause::Space || said.contains("(os error 28)")
}

/// The commands of this way, with the names that the package lists give now.
pub(crate) fn print(cache: &Cache) -> Result<()> {
    let place = cache.toolchain();
    let (root, work) = (place.join("root"), cache.root().join("staging"));
    println!(
        "# Way: {WAY}. Prepared in a staging folder, then renamed to {}.",
        place.display()
    );
    println!("mkdir -p {0} {1} && cd {0}", work.display(), root.display());
    let packages = match Packages::resolve(&Lists::Machine)? {
        Ok(packages) => packages,
        Err(why) => {
            println!(
                "# The machine's package lists do not do ({why}); private ones are read first:"
            );
            println!("{}", Lists::private(&work).update().line());
            println!("# Then `cargo xtask setup` takes the names from them.");
            return Ok(());
        }
    };
    println!("# {}", packages.summary());
    println!("{}", Lists::Machine.download(&packages.names).line());
    println!(
        "for deb in *.deb; do dpkg -x \"$deb\" {}; done",
        root.display()
    );
    let libraries = root.join("usr/lib/$(uname -m)-linux-gnu");
    println!(
        "mkdir -p llvm/lib && ln -s {}/libLLVM.so.{}* llvm/lib/libLLVM.so",
        libraries.display(),
        packages.llvm
    );
    let (prefix, target) = (work.join("llvm"), work.join("target"));
    let install = linker::install(
        &prefix,
        Path::new("LIBRARIES"),
        &target,
        &place.join("linker"),
        packages.llvm,
    );
    // The architecture's folder is known only after unpacking; the shell finds it.
    println!(
        "{}",
        install
            .line()
            .replace("LIBRARIES", &libraries.display().to_string())
    );
    println!(
        "# Then scripts that set LD_LIBRARY_PATH, RUSTC and RUSTC_BOOTSTRAP go to {}.",
        place.join("bin").display()
    );
    Ok(())
}
