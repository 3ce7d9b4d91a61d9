//! Downloads packages with the machine's lists or, where those are old or empty, with fresh private ones.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use fs_err as fs;

use super::{Lists, Package, Unfit};
use crate::{
    problem::{self, Cause, Problem},
    say,
    tool::{Captured, Tool},
};

/// Which packages to download, and what to say if no lists offer them.
pub(crate) trait Selection {
    /// The packages, resolved against `lists`.
    fn resolve(&self, lists: &Lists) -> Result<Result<Vec<Package>, Unfit>>;

    fn not_offered(&self, why: Unfit) -> Problem;
}

/// Downloads `selection` into a folder of `work`; returns the packages and the folder.
pub(crate) fn fetch(work: &Path, selection: &impl Selection) -> Result<(Vec<Package>, PathBuf)> {
    let debs = work.join("debs");
    fs::create_dir_all(&debs)?;
    let resolved = say::step("look into the machine's package lists", || {
        selection.resolve(&Lists::Machine)
    })?;
    match resolved {
        Ok(packages) => {
            let said = download(&Lists::Machine, &packages, &debs)?;
            if said.status.success() {
                return Ok((packages, debs));
            }
            if problem::cause(&said.stderr) != Cause::StaleLists {
                return Err(download_failed(said));
            }
            say::note("the machine's package lists are out of date");
        }
        Err(why) => say::note(format_args!(
            "the machine's package lists cannot be used: {why}"
        )),
    }
    let lists = Lists::private(work);
    let update = say::step(
        "read fresh package lists into the cache (the machine's stay as they are)",
        || lists.read(),
    )?;
    let packages = match selection.resolve(&lists)? {
        Ok(packages) => packages,
        Err(_) if update.cause() == Cause::Network => {
            let said = first_error(&update);
            bail!(problem::no_network(
                "the package lists cannot be read",
                said
            ))
        }
        Err(why) => bail!(selection.not_offered(why)),
    };
    let said = download(&lists, &packages, &debs)?;
    if said.status.success() {
        Ok((packages, debs))
    } else {
        Err(download_failed(said))
    }
}

fn download(lists: &Lists, packages: &[Package], debs: &Path) -> Result<Captured> {
    let names: Vec<String> = packages
        .iter()
        .map(|package| package.name.clone())
        .collect();
    let text = match &names[..] {
        [one] => format!("download {one}"),
        [first, rest @ ..] => format!("download {first} and {} other packages", rest.len()),
        [] => bail!("apt named no package to download"),
    };
    say::step(text, || lists.download(&names).dir(debs).capture())
}

/// The error for a failed download; without a network, it says what to do.
pub(crate) fn download_failed(said: Captured) -> anyhow::Error {
    const WHAT: &str = "the packages cannot be downloaded";
    match (said.cause(), said) {
        (Cause::Network, said) => problem::no_network(WHAT, first_error(&said)).into(),
        (_, said) => match said.require() {
            Ok(_) => anyhow::anyhow!(WHAT),
            Err(error) => error.context(WHAT),
        },
    }
}

/// apt's first `E:` line, which names the host or the package.
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

/// Unpacks every package of `debs` into `root`, and deletes the packages.
pub(crate) fn unpack(debs: &Path, root: &Path) -> Result<()> {
    fs::create_dir_all(root)?;
    let entries = fs::read_dir(debs)?;
    for entry in entries {
        let deb = entry?.path();
        if deb.extension().is_some_and(|extension| extension == "deb") {
            let dpkg = Tool::new("dpkg").arg("-x").arg(&deb).arg(root);
            dpkg.capture()?.require()?;
            fs::remove_file(&deb)?;
        }
    }
    Ok(())
}
