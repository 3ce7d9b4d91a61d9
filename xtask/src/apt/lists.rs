//! apt with the machine's package lists, or with private ones that an ordinary account may update.

use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

use super::{Package, Unfit};
use crate::tool::{Captured, Tool};

/// Which lists apt reads. Keys and proxies are the machine's in all cases.
#[derive(Clone, Debug)]
pub(crate) enum Lists {
    /// The lists that the machine last updated.
    Machine,
    /// Fresh lists of the machine's sources, kept in this folder.
    Private(PathBuf),
    /// Fresh lists of the sources in `sources.list` of this folder.
    Elsewhere(PathBuf),
}

/// Which packages a simulation takes to be installed already.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Installed {
    /// Those of this machine; packages that are asked for by name are downloaded all the same.
    Machine,
    Nothing,
}

/// The fields of a package's entry in the lists that matter here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Control {
    pub(crate) package: String,
    pub(crate) version: String,
    /// The first alternative of each dependency.
    pub(crate) depends: Vec<String>,
    /// The checksum in the signed lists.
    pub(crate) sha256: String,
}

impl Lists {
    pub(crate) fn private(work: &Path) -> Self {
        Self::Private(work.join("apt"))
    }

    /// The command that updates the lists.
    pub(crate) fn update(&self) -> Tool {
        self.apt("apt-get").args(["--quiet", "update"])
    }

    /// Makes the folders of private lists and updates them.
    pub(crate) fn read(&self) -> Result<Captured> {
        if let Self::Private(dir) | Self::Elsewhere(dir) = self {
            for below in ["state/lists/partial", "cache/archives/partial"] {
                let dir = dir.join(below);
                fs::create_dir_all(&dir)?;
            }
        }
        self.update().capture()
    }

    /// The command that downloads packages into the current folder; apt verifies them.
    pub(crate) fn download(&self, names: &[String]) -> Tool {
        self.apt("apt-get")
            .args(["--quiet", "download"])
            .args(names)
    }

    /// The candidates among `names`; a name that the lists do not know is left out.
    pub(crate) fn show(&self, names: &[String]) -> Result<Vec<Control>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // It fails when one name is unknown, and still shows the others.
        let said = self
            .apt("apt-cache")
            .args(["show", "--no-all-versions"])
            .args(names)
            .capture()?;
        Ok(parse(&said.stdout))
    }

    /// What apt would install for `names`, them included.
    pub(crate) fn simulate(
        &self,
        names: &[String],
        installed: Installed,
    ) -> Result<Result<Vec<Package>, Unfit>> {
        let tool = self.apt("apt-get");
        let tool = match installed {
            Installed::Machine => tool.arg("--reinstall"),
            Installed::Nothing => tool.args(["-o", "Dir::State::status=/dev/null"]),
        };
        let said = tool
            .args(["--simulate", "--no-install-recommends", "install"])
            .args(names)
            .capture()?;
        if !said.status.success() {
            return Ok(Err(super::first_error(&said).to_owned()));
        }
        Ok(Ok(said.stdout.lines().filter_map(installs).collect()))
    }

    /// The names of all packages that match a POSIX pattern.
    pub(crate) fn search(&self, pattern: &str) -> Result<Vec<String>> {
        let said = self
            .apt("apt-cache")
            .args(["search", "--names-only", pattern])
            .capture()?
            .require()?;
        let name = |line: &str| line.split_once(" - ").map(|(name, _)| name.to_owned());
        Ok(said.lines().filter_map(name).collect())
    }

    /// One line in `format` for each package index of the configured sources.
    pub(crate) fn targets(&self, format: &str) -> Result<String> {
        self.apt("apt-get")
            .args(["indextargets", "--format", format, "Created-By: Packages"])
            .capture()?
            .require()
    }

    fn apt(&self, program: &str) -> Tool {
        // In English, because the cause of a failure is recognised by apt's own words. As root, apt would
        // drop to an account that cannot write to the cache.
        let tool = Tool::new(program)
            .env("LC_ALL", "C")
            .args(["-o", "APT::Sandbox::User=root"]);
        let (tool, dir) = match self {
            Self::Machine => return tool,
            Self::Private(dir) => (tool, dir),
            Self::Elsewhere(dir) => (other_sources(tool, dir), dir),
        };
        let (state, cache) = (dir.join("state"), dir.join("cache"));
        tool.args(["-o", "Dir::State::status=/var/lib/dpkg/status"])
            .args(["-o", &format!("Dir::State={}", state.display())])
            .args(["-o", &format!("Dir::Cache={}", cache.display())])
    }
}

fn other_sources(tool: Tool, dir: &Path) -> Tool {
    let list = dir.join("sources.list");
    tool.args(["-o", &format!("Dir::Etc::SourceList={}", list.display())])
        .args(["-o", "Dir::Etc::SourceParts=/dev/null"])
        .args(["-o", "Acquire::Languages=none"])
        .args([
            "-o",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        ])
}

/// `Inst libllvm22 [1:22.1.7-1] (1:22.1.8-1 Debian:12 [amd64])`: the version in brackets is installed.
fn installs(line: &str) -> Option<Package> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, rest) = rest.split_once('(')?;
    Some(Package {
        name: name.to_owned(),
        version: rest.split_whitespace().next()?.to_owned(),
    })
}

/// Entries of the form `Field: value`, separated by empty lines.
fn parse(text: &str) -> Vec<Control> {
    let entry = |paragraph: &str| {
        let mut control = Control::default();
        for (field, value) in paragraph.lines().filter_map(|line| line.split_once(": ")) {
            match field {
                "Package" => value.clone_into(&mut control.package),
                "Version" => value.clone_into(&mut control.version),
                "SHA256" => value.clone_into(&mut control.sha256),
                "Depends" => control.depends = depends(value),
                _ => {}
            }
        }
        (!control.package.is_empty()).then_some(control)
    };
    text.split("\n\n").filter_map(entry).collect()
}

/// `a (>= 1), b:any | c` → `a`, `b`.
fn depends(value: &str) -> Vec<String> {
    let name = |one: &str| one.trim().split([' ', ':', '(']).next().map(str::to_owned);
    value.split(',').filter_map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_lists_leave_the_machines_alone() {
        let line = Lists::private(Path::new("/w")).update().line();
        assert!(
            line.contains("Dir::State=/w/apt/state") && line.contains("Dir::Cache=/w/apt/cache")
        );
        assert!(!Lists::Machine.update().line().contains("Dir::State"));
    }

    #[test]
    fn a_simulated_installation_names_packages_and_their_new_versions() {
        let package = |line| installs(line).map(|it| (it.name, it.version));
        let wanted = Some(("libllvm22".to_owned(), "1:22.1.8-1".to_owned()));
        assert_eq!(
            package("Inst libllvm22 (1:22.1.8-1 Debian:12 [amd64])"),
            wanted
        );
        let again = "Inst libllvm22 [1:22.1.7-1] (1:22.1.8-1 Debian:12 [amd64])";
        assert_eq!(package(again), wanted);
        assert_eq!(
            package("Conf libllvm22 (1:22.1.8-1 Debian:12 [amd64])"),
            None
        );
    }

    #[test]
    fn dependencies_are_read_without_versions_and_second_choices() {
        assert_eq!(depends("a (>= 1), b:any | c"), ["a", "b"]);
    }
}
