//! Downloads the packages and unpacks them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{
    lists::Lists,
    packages::{Packages, Unfit},
};
use crate::{
    problem::{self, Cause, Problem},
    say,
    setup::{elsewhere, linker},
    tool::{Captured, Tool},
};

/// Folders of the packages that building never reads.
const UNNEEDED: &[&str] = &["usr/share", "usr/libexec", "usr/include", "usr/bin/rustdoc"];

/// Downloads into `work`: with the machine's lists if they do, else with fresh private ones.
pub(crate) fn fetch(work: &Path) -> Result<(Packages, PathBuf)> {
    let debs = work.join("debs");
    fs::create_dir_all(&debs).with_context(|| format!("create_dir_all({})", debs.display()))?;
    match say::step("look into the machine's package lists", || {
        Packages::resolve(&Lists::Machine)
    })? {
        Ok(packages) => {
            let said = download(&Lists::Machine, &packages, &debs)?;
            if said.status.success() {
                return Ok((packages, debs));
            }
            if problem::cause(&said.stderr) != Cause::StaleLists {
                return Err(download_failed(said));
            }
            say::note("those lists are out of date");
        }
        Err(why) => say::note(format_args!("those lists do not do: {why}")),
    }
    let lists = Lists::private(work);
    let update = say::step(
        "read fresh package lists into the cache (the machine's stay as they are)",
        || lists.read(),
    )?;
    let packages = match Packages::resolve(&lists)? {
        Ok(packages) => packages,
        Err(why) => bail!(not_offered(&why, &update)),
    };
    let said = download(&lists, &packages, &debs)?;
    if said.status.success() {
        Ok((packages, debs))
    } else {
        Err(download_failed(said))
    }
}

fn download(lists: &Lists, packages: &Packages, debs: &Path) -> Result<Captured> {
    linker::supports(packages.llvm)?;
    let text = format!(
        "download {} packages, {} MB: {}",
        packages.names.len(),
        packages.bytes / 1_000_000,
        packages.summary()
    );
    say::step(text, || lists.download(&packages.names).dir(debs).capture())
}

pub(crate) fn download_failed(said: Captured) -> anyhow::Error {
    match problem::cause(&said.stderr) {
        Cause::Network => {
            problem::no_network("the packages cannot be downloaded", first_error(&said)).into()
        }
        _ => match said.require() {
            Ok(_) => anyhow::anyhow!("the packages cannot be downloaded"),
            Err(error) => error.context("the packages cannot be downloaded"),
        },
    }
}

fn not_offered(why: &Unfit, update: &Captured) -> Problem {
    let said = format!("{}\n{}", update.stdout, update.stderr);
    if problem::cause(&said) == Cause::Network {
        return problem::no_network("the package lists cannot be read", first_error(update));
    }
    Problem {
        what: "the distribution offers no rustc with `core` for BPF".to_owned(),
        now: why.clone(),
        why: "the counting programs run in the kernel and are built for BPF".to_owned(),
        commands: elsewhere::rustup_commands(),
    }
}

/// apt's first `E:` line, which names the host.
pub(crate) fn first_error(said: &Captured) -> &str {
    let lines = || {
        said.stderr
            .lines()
            .chain(said.stdout.lines())
            .map(str::trim)
    };
    let marked = |mark: &'static str| lines().find_map(move |line| line.strip_prefix(mark));
    marked("E: ")
        .or_else(|| marked("W: "))
        .unwrap_or("apt names no reason")
}

/// Unpacks every package of `debs` into `root` and deletes it.
pub(crate) fn unpack(debs: &Path, root: &Path) -> Result<()> {
    unpack_all(debs, root)?;
    for below in UNNEEDED {
        let path = root.join(below);
        // Only to save space; that something is not there is as good.
        let _ = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
    }
    Ok(())
}

/// The same, and keeps everything.
pub(crate) fn unpack_all(debs: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(root).with_context(|| format!("create_dir_all({})", root.display()))?;
    let entries = fs::read_dir(debs).with_context(|| format!("read_dir({})", debs.display()))?;
    for entry in entries {
        let deb = entry
            .with_context(|| format!("read_dir({})", debs.display()))?
            .path();
        if deb.extension().is_some_and(|extension| extension == "deb") {
            Tool::new("dpkg")
                .arg("-x")
                .arg(&deb)
                .arg(root)
                .capture()?
                .require()?;
            fs::remove_file(&deb).with_context(|| format!("remove_file({})", deb.display()))?;
        }
    }
    Ok(())
}
