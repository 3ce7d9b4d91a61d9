//! Programs that VMs need: the machine's own, or those of its packages, unpacked into the cache. Nothing
//! is installed.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    apt::{self, Installed, Lists, Package, Selection, Unfit},
    cache::{Cache, Locked},
    path,
    problem::Problem,
    say,
    tool::Tool,
};

/// A program, Debian's package with it, and the file that is run under the program's name.
#[derive(Debug)]
struct Known {
    program: &'static str,
    package: &'static str,
    file: &'static str,
}

const fn known(program: &'static str, package: &'static str, file: &'static str) -> Known {
    Known {
        program,
        package,
        file,
    }
}

const KNOWN: &[Known] = &[
    known(QEMU, "qemu-system-x86", QEMU),
    known("mke2fs", "e2fsprogs", "mke2fs"),
    // The package has them as absolute links to this file, which looks at the name it was called by.
    known("depmod", "kmod", "kmod"),
    known("modprobe", "kmod", "kmod"),
    known("xz", "xz-utils", "xz"),
    known("zstd", "zstd", "zstd"),
    known("gzip", "gzip", "gzip"),
];

const QEMU: &str = "qemu-system-x86_64";

/// Folders that the `PATH` of an ordinary user leaves out.
const ADMINISTRATORS: &[&str] = &["/usr/sbin", "/sbin", "/usr/local/sbin"];

/// QEMU and its libraries take about 190 MiB unpacked.
const SPACE_BYTES: u64 = 500 << 20;

/// Finds programs, and fetches those that this machine lacks.
#[derive(Debug)]
pub(crate) struct Programs<'a> {
    cache: &'a Cache,
    // Whoever holds the lock passes it on: it cannot be taken twice.
    locked: Option<&'a Locked<'a>>,
}

impl<'a> Programs<'a> {
    pub(crate) fn new(cache: &'a Cache) -> Self {
        Self {
            cache,
            locked: None,
        }
    }

    /// For a caller that holds the lock of the cache.
    pub(crate) fn while_locked(cache: &'a Cache, locked: &'a Locked<'a>) -> Self {
        Self {
            cache,
            locked: Some(locked),
        }
    }

    pub(crate) fn cache(&self) -> &'a Cache {
        self.cache
    }

    /// The command that starts `program`, without arguments.
    pub(crate) fn tool(&self, program: &str) -> Result<Tool> {
        if let Some(path) = on_this_machine(program) {
            return Ok(Tool::new(path).without_env("LD_LIBRARY_PATH"));
        }
        let Some(known) = KNOWN.iter().find(|known| known.program == program) else {
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

    pub(crate) fn qemu_version(&self) -> Result<String> {
        let said = self.tool(QEMU)?.arg("--version").capture()?.require()?;
        let version = said
            .split_whitespace()
            .nth(3)
            .unwrap_or("(version unknown)");
        Ok(version.to_owned())
    }
}

/// `program` on `PATH`, or in a folder for administrators.
pub(crate) fn on_this_machine(program: &str) -> Option<PathBuf> {
    path::find(program).or_else(|| {
        ADMINISTRATORS
            .iter()
            .map(|folder| Path::new(folder).join(program))
            .find(|path| path.is_file())
    })
}

/// A program below `root`, with the libraries and data that came with it.
fn unpacked(root: &Path, known: &Known) -> Result<Tool> {
    let Some(path) = ["usr/bin", "bin", "usr/sbin", "sbin"]
        .iter()
        .map(|folder| root.join(folder).join(known.file))
        .find(|path| path.is_file())
    else {
        bail!(
            "{0} has no {1}; to fetch it again: rm -r {0}",
            root.display(),
            known.file
        );
    };
    let folders = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"].map(|dir| root.join(dir));
    let modules = folders[0].join("qemu");
    let libraries = env::join_paths(folders).context("the cache's path holds a colon")?;
    let tool = Tool::new(path)
        .called(known.program)
        .env("LD_LIBRARY_PATH", libraries);
    if known.program != QEMU {
        return Ok(tool);
    }
    Ok(["usr/share/qemu", "usr/share/seabios"]
        .iter()
        .fold(tool, |tool, data| tool.arg("-L").arg(root.join(data)))
        .env("QEMU_MODULE_DIR", modules))
}

fn fetch(cache: &Cache, locked: &Locked<'_>, known: &Known, place: &Path) -> Result<()> {
    let missing = ["apt-get", "dpkg"]
        .iter()
        .find(|it| path::find(it).is_none());
    if let Some(program) = missing {
        let why = format!("it is not on PATH, and there is no {program} to fetch it with");
        bail!(known.not_offered(why));
    }
    // Another run may have fetched it while this one waited for the lock.
    if place.exists() {
        return Ok(());
    }
    cache.require_space(SPACE_BYTES)?;
    let staging = locked.staging()?;
    let (_, debs) = apt::fetch(staging.path(), known)?;
    let root = staging.path().join("root");
    let text = format!("unpack {} into the cache", known.package);
    say::step(text, || apt::unpack(&debs, &root))?;
    locked.put(&staging, &root, place)
}

impl Selection for Known {
    fn resolve(&self, lists: &Lists) -> Result<Result<Vec<Package>, Unfit>> {
        lists.simulate(&[self.package.to_owned()], Installed::Machine)
    }

    fn not_offered(&self, why: Unfit) -> Problem {
        Problem {
            what: format!("there is no {}, and it cannot be fetched", self.program),
            now: why,
            why: "another kernel runs in a virtual machine".to_owned(),
            commands: self.install_commands(),
        }
    }
}

impl Known {
    /// For the package manager of this machine, or for each that we know.
    fn install_commands(&self) -> Vec<String> {
        let named = |qemu| match self.program {
            QEMU => qemu,
            _ => self.package,
        };
        let managers = [
            ("apt-get", "install", self.package),
            ("dnf", "install", named("qemu-system-x86-core")),
            ("pacman", "-S", named("qemu-system-x86")),
            ("zypper", "install", named("qemu-x86")),
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_cannot_be_fetched_comes_with_the_command_that_installs_it() {
        let text = KNOWN[0].not_offered("nothing".to_owned()).to_string();
        assert!(text.contains("sudo ") && text.contains("qemu"), "{text}");
    }

    #[test]
    fn a_program_is_found_or_not() {
        assert!(on_this_machine("no-such-program").is_none());
        assert!(on_this_machine("sh").is_some());
    }
}
