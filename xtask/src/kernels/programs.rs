//! Programs that the box needs: those on this machine, or those of its packages, unpacked into the
//! cache. Nothing is installed.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    cache::{Cache, Locked},
    path,
    problem::{self, Cause, Problem},
    say,
    setup::debian::{self, Lists},
    tool::{Captured, Tool},
};

/// A program and the package of Debian that brings it.
#[derive(Debug)]
struct Known {
    program: &'static str,
    package: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        program: "qemu-system-x86_64",
        package: "qemu-system-x86",
    },
    Known {
        program: "mke2fs",
        package: "e2fsprogs",
    },
    Known {
        program: "xz",
        package: "xz-utils",
    },
    Known {
        program: "zstd",
        package: "zstd",
    },
    Known {
        program: "gzip",
        package: "gzip",
    },
];

/// Folders that an ordinary user's `PATH` leaves out.
const ADMINISTRATORS: &[&str] = &["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// QEMU and its libraries take about 190 MiB unpacked.
const SPACE: u64 = 500 << 20;

/// Finds programs, and fetches what this machine lacks.
#[derive(Debug)]
pub(crate) struct Programs<'a> {
    cache: &'a Cache,
    // Whoever holds the lock passes it on: it cannot be had twice.
    locked: Option<&'a Locked<'a>>,
}

impl<'a> Programs<'a> {
    /// For the machine and this cache.
    pub(crate) fn new(cache: &'a Cache) -> Self {
        Self {
            cache,
            locked: None,
        }
    }

    /// The same for whoever changes the cache already.
    pub(crate) fn while_locked(cache: &'a Cache, locked: &'a Locked<'a>) -> Self {
        Self {
            cache,
            locked: Some(locked),
        }
    }

    /// Where the cache is.
    pub(crate) fn cache(&self) -> &'a Cache {
        self.cache
    }

    /// `program`, ready to be given arguments.
    pub(crate) fn tool(&self, program: &str) -> Result<Tool> {
        if let Some(path) = on_this_machine(program) {
            return Ok(Tool::new(path).without_env("LD_LIBRARY_PATH"));
        }
        let known = KNOWN.iter().find(|known| known.program == program);
        let Some(known) = known else {
            bail!("there is no {program} on PATH");
        };
        let place = self.cache.programs().join(known.package);
        if !place.exists() {
            match self.locked {
                Some(locked) => fetch(self.cache, locked, known, &place)?,
                None => fetch(self.cache, &self.cache.lock()?, known, &place)?,
            }
        }
        unpacked(&place, known)
    }

    /// The version of QEMU, for a person.
    pub(crate) fn qemu_version(&self) -> Result<String> {
        let said = self
            .tool("qemu-system-x86_64")?
            .arg("--version")
            .capture()?;
        let text = said.require()?;
        let version = text
            .split_whitespace()
            .nth(3)
            .unwrap_or("of unknown version");
        Ok(version.to_owned())
    }
}

/// `program` on `PATH`, or where an ordinary user's `PATH` does not lead.
pub(crate) fn on_this_machine(program: &str) -> Option<PathBuf> {
    path::find(program).or_else(|| {
        ADMINISTRATORS
            .iter()
            .map(|folder| Path::new(folder).join(program))
            .find(|path| path.is_file())
    })
}

/// A program below `root` with the libraries and data that came with it.
fn unpacked(root: &Path, known: &Known) -> Result<Tool> {
    let Some(path) = ["usr/bin", "bin", "usr/sbin", "sbin"]
        .iter()
        .map(|folder| root.join(folder).join(known.program))
        .find(|path| path.is_file())
    else {
        bail!("{} has no {}", root.display(), known.program);
    };
    let folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|dir| root.join(dir));
    let libraries = env::join_paths(folders).context("the cache's path holds a colon")?;
    let tool = Tool::new(path).env("LD_LIBRARY_PATH", libraries);
    if known.program != "qemu-system-x86_64" {
        return Ok(tool);
    }
    Ok(["usr/share/qemu", "usr/share/seabios"]
        .iter()
        .fold(tool, |tool, data| tool.arg("-L").arg(root.join(data)))
        .env(
            "QEMU_MODULE_DIR",
            root.join("usr/lib/x86_64-linux-gnu/qemu"),
        ))
}

fn fetch(cache: &Cache, locked: &Locked<'_>, known: &Known, place: &Path) -> Result<()> {
    if let Some(program) = ["apt-get", "dpkg"]
        .iter()
        .find(|it| path::find(it).is_none())
    {
        bail!(not_there(
            known,
            &format!("not on PATH, and no {program} to fetch it with")
        ));
    }
    // Another run may have finished while this one waited for the lock.
    if place.exists() {
        return Ok(());
    }
    cache.require_space(SPACE)?;
    let staging = locked.staging()?;
    let debs = staging.path().join("debs");
    fs::create_dir_all(&debs).with_context(|| format!("create_dir_all({})", debs.display()))?;
    download(staging.path(), known, &debs)?;
    let root = staging.path().join("root");
    say::step(
        format_args!("unpack {} into the cache", known.package),
        || debian::unpack_all(&debs, &root),
    )?;
    locked.put(&staging, &root, place)
}

/// With the machine's lists, or with fresh ones where those are empty or old.
fn download(work: &Path, known: &Known, debs: &Path) -> Result<()> {
    if let Some(names) = closure(&Lists::Machine.missing_for(&[known.package])?) {
        let said = get(&Lists::Machine, known, &names, debs)?;
        if said.status.success() {
            return Ok(());
        }
    }
    let lists = Lists::private(work);
    let update = say::step("read fresh package lists into the cache", || lists.read())?;
    let said = lists.missing_for(&[known.package])?;
    let Some(names) = closure(&said) else {
        let text = format!("{}\n{}", update.stdout, update.stderr);
        if problem::cause(&text) == Cause::Network {
            bail!(problem::no_network(
                "the package lists cannot be read",
                debian::first_error(&update)
            ));
        }
        bail!(not_there(known, debian::first_error(&said)));
    };
    let said = get(&lists, known, &names, debs)?;
    if said.status.success() {
        return Ok(());
    }
    Err(debian::download_failed(said))
}

fn get(lists: &Lists, known: &Known, names: &[String], debs: &Path) -> Result<Captured> {
    let text = format!(
        "download {} and {} packages that it needs",
        known.package,
        names.len().saturating_sub(1)
    );
    say::step(text, || lists.download(names).dir(debs).capture())
}

/// Names after `Inst` in what apt would do; an installed package that is not on PATH names itself.
fn closure(said: &Captured) -> Option<Vec<String>> {
    let names = said
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    (said.status.success() && !names.is_empty()).then_some(names)
}

fn not_there(known: &Known, now: &str) -> Problem {
    Problem {
        what: format!("there is no {}, and it cannot be fetched", known.program),
        now: now.to_owned(),
        why: "another kernel runs in a virtual machine".to_owned(),
        commands: install_command(known),
    }
}

/// For the package manager of this machine.
fn install_command(known: &Known) -> Vec<String> {
    let is_qemu = known.program.starts_with("qemu");
    let managers = [
        ("apt-get", "install", known.package),
        (
            "dnf",
            "install",
            if is_qemu {
                "qemu-system-x86-core"
            } else {
                known.package
            },
        ),
        (
            "pacman",
            "-S",
            if is_qemu {
                "qemu-system-x86"
            } else {
                known.package
            },
        ),
        (
            "zypper",
            "install",
            if is_qemu { "qemu-x86" } else { known.package },
        ),
    ];
    let here = managers
        .iter()
        .find(|(manager, ..)| path::find(manager).is_some());
    let shown = here.map_or(&managers[..], std::slice::from_ref);
    shown
        .iter()
        .map(|(manager, verb, package)| format!("sudo {manager} {verb} {package}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_fetched_comes_with_the_command_that_installs_it() {
        let text = not_there(&KNOWN[0], "nothing").to_string();
        assert!(text.contains("sudo ") && text.contains("qemu"), "{text}");
    }

    #[test]
    fn administrators_programs_are_found_without_their_folder_on_path() {
        assert!(on_this_machine("no-such-program").is_none());
        assert!(on_this_machine("sh").is_some());
    }
}
