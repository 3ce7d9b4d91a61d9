//! apt with the machine's package lists, or with private ones that an ordinary user may update.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::packages::{Control, parse};
use crate::tool::{Captured, Tool};

/// Which lists apt reads. Keys and proxies are the machine's in all cases.
#[derive(Clone, Debug)]
pub(crate) enum Lists {
    /// What the machine last updated.
    Machine,
    /// Fresh lists below this folder, which take nothing from the machine's and leave them alone.
    Private(PathBuf),
    /// The same with sources of their own, in a file `sources.list` of that folder.
    Elsewhere(PathBuf),
}

impl Lists {
    /// Private lists in a folder of `work`.
    pub(crate) fn private(work: &Path) -> Self {
        Self::Private(work.join("apt"))
    }

    /// The command that reads the lists anew.
    pub(crate) fn update(&self) -> Tool {
        self.apt("apt-get").args(["--quiet", "update"])
    }

    /// Reads private lists.
    pub(crate) fn read(&self) -> Result<Captured> {
        if let Self::Private(dir) | Self::Elsewhere(dir) = self {
            for below in ["state/lists/partial", "cache/archives/partial"] {
                let dir = dir.join(below);
                fs::create_dir_all(&dir)
                    .with_context(|| format!("create_dir_all({})", dir.display()))?;
            }
        }
        self.update().capture()
    }

    /// The command that downloads packages into the current folder, verified by apt.
    pub(crate) fn download(&self, names: &[String]) -> Tool {
        self.apt("apt-get")
            .args(["--quiet", "download"])
            .args(names)
    }

    /// What the lists say of `names`: the candidates; a name they do not know is left out.
    pub(crate) fn show(&self, names: &[String]) -> Result<Vec<Control>> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        // Fails when one name is unknown, and still shows the others.
        let said = self
            .apt("apt-cache")
            .args(["show", "--no-all-versions"])
            .args(names)
            .capture()?;
        Ok(parse(&said.stdout))
    }

    /// What apt says it would install for `names` beside what is installed: their closure.
    pub(crate) fn missing_for(&self, names: &[&str]) -> Result<Captured> {
        self.apt("apt-get")
            .args(["--simulate", "--no-install-recommends", "install"])
            .args(names)
            .capture()
    }

    /// Names of all packages that match a POSIX pattern.
    pub(crate) fn search(&self, pattern: &str) -> Result<Vec<String>> {
        let said = self
            .apt("apt-cache")
            .args(["search", "--names-only", pattern])
            .capture()?
            .require()?;
        let name = |line: &str| line.split_once(" - ").map(|(name, _)| name.to_owned());
        Ok(said.lines().filter_map(name).collect())
    }

    /// One line for each index that the configured sources have.
    pub(crate) fn targets(&self, format: &str) -> Result<String> {
        self.apt("apt-get")
            .args(["indextargets", "--format", format, "Created-By: Packages"])
            .capture()?
            .require()
    }

    fn apt(&self, program: &str) -> Tool {
        // English, because the causes of failures are told from what is said.
        let tool = Tool::new(program).env("LC_ALL", "C");
        // Root's apt would drop to an account that cannot write to the cache.
        let tool = tool.args(["-o", "APT::Sandbox::User=root"]);
        let (tool, dir) = match self {
            Self::Machine => return tool,
            Self::Private(dir) => (tool, dir),
            Self::Elsewhere(dir) => (elsewhere(tool, dir), dir),
        };
        ["Dir::State", "Dir::Cache"]
            .iter()
            .zip(["state", "cache"])
            .fold(
                // What is installed is still the machine's to say.
                tool.args(["-o", "Dir::State::status=/var/lib/dpkg/status"]),
                |tool, (option, below)| {
                    tool.arg("-o")
                        .arg(format!("{option}={}", dir.join(below).display()))
                },
            )
    }
}

/// Sources of their own, and of those only the lists of packages.
fn elsewhere(tool: Tool, dir: &Path) -> Tool {
    let list = dir.join("sources.list");
    tool.arg("-o")
        .arg(format!("Dir::Etc::SourceList={}", list.display()))
        .args(["-o", "Dir::Etc::SourceParts=/dev/null"])
        .args(["-o", "Acquire::Languages=none"])
        .args([
            "-o",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        ])
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
}
