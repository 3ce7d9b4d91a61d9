//! Which modules a kernel needs for the box, and in which order they load.
//!
//! Packages come without `modules.dep`: it is made when they are installed. So this reads what it is
//! made of, the `.modinfo` section of each module.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use object::{Object as _, ObjectSection as _};

use super::programs::Programs;

/// Whether the box works without.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Need {
    /// It does not.
    Must,
    /// A test or a newer kernel does.
    May,
}

/// In the order in which they are asked for. `crc32c_generic` is what ext4 asks the crypto layer for by
/// name before Linux 6.14, so no dependency leads to it.
const WANTED: &[(&str, Need)] = &[
    ("virtio_pci", Need::Must),
    ("virtio_blk", Need::Must),
    ("crc32c_generic", Need::May),
    ("ext4", Need::Must),
    ("loop", Need::May),
];

/// The modules of one kernel.
#[derive(Debug)]
struct Tree {
    /// Files by module name.
    files: BTreeMap<String, PathBuf>,
    built_in: BTreeSet<String>,
}

/// A module that the box loads.
#[derive(Debug)]
pub(crate) struct Module {
    /// Its name.
    pub(crate) name: String,
    /// Its content, decompressed.
    pub(crate) content: Vec<u8>,
}

/// The modules below `folder` (`lib/modules/VERSION`) that the box needs, each after what it needs.
pub(crate) fn needed(folder: &Path, programs: &Programs<'_>) -> Result<Vec<Module>> {
    let tree = Tree::read(folder)?;
    let mut taken = Vec::new();
    for (name, need) in WANTED {
        if tree.built_in.contains(*name) {
            continue;
        }
        if !tree.files.contains_key(*name) {
            match need {
                Need::May => continue,
                Need::Must => bail!(
                    "{} has no module {name}, and it is not built in",
                    folder.display()
                ),
            }
        }
        tree.take(name, programs, &mut taken)?;
    }
    Ok(taken)
}

impl Tree {
    fn read(folder: &Path) -> Result<Self> {
        let list = folder.join("modules.builtin");
        let text =
            fs::read_to_string(&list).with_context(|| format!("read({})", list.display()))?;
        let built_in = text
            .lines()
            .filter_map(|line| name_of(Path::new(line)))
            .collect();
        let mut files = BTreeMap::new();
        collect(&folder.join("kernel"), &mut files)?;
        Ok(Self { files, built_in })
    }

    fn take(&self, name: &str, programs: &Programs<'_>, taken: &mut Vec<Module>) -> Result<()> {
        if taken.iter().any(|module| module.name == name) {
            return Ok(());
        }
        // A dependency may be built in.
        let Some(path) = self.files.get(name) else {
            return Ok(());
        };
        let content = decompressed(path, programs)?;
        let depends = depends(&content).with_context(|| format!("parse({})", path.display()))?;
        for depended in depends {
            self.take(&depended, programs, taken)?;
        }
        taken.push(Module {
            name: name.to_owned(),
            content,
        });
        Ok(())
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("read_dir({})", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("read_dir({})", folder.display()))?
            .path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if let Some(name) = name_of(&path) {
            files.insert(name, path);
        }
    }
    Ok(())
}

/// `…/crc32c-intel.ko.xz` → `crc32c_intel`: the kernel knows no hyphens.
fn name_of(path: &Path) -> Option<String> {
    let (name, _) = path.file_name()?.to_str()?.split_once(".ko")?;
    Some(name.replace('-', "_"))
}

/// By the program for its suffix: distributions choose it.
fn decompressed(path: &Path, programs: &Programs<'_>) -> Result<Vec<u8>> {
    let suffix = path
        .extension()
        .and_then(|suffix| suffix.to_str())
        .unwrap_or("");
    let program = match suffix {
        "xz" => programs.tool("xz")?,
        "zst" => programs.tool("zstd")?,
        "gz" => programs.tool("gzip")?,
        _ => return fs::read(path).with_context(|| format!("read({})", path.display())),
    };
    let tool = program.args(["-d", "-c"]).arg(path);
    let output = tool
        .command()
        .output()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    if !output.status.success() {
        bail!("`{}` ended with {}", tool.line(), output.status);
    }
    Ok(output.stdout)
}

/// Names after `depends=` in `.modinfo`, a list of texts that end with a zero.
fn depends(module: &[u8]) -> Result<Vec<String>> {
    let file = object::File::parse(module).context("no ELF file")?;
    let section = file.section_by_name(".modinfo").context("no .modinfo")?;
    let data = section.data().context(".modinfo")?;
    let names = data
        .split(|byte| *byte == 0)
        .filter_map(|text| text.strip_prefix(b"depends="))
        .flat_map(|names| names.split(|byte| *byte == b','))
        .map(|name| String::from_utf8_lossy(name).replace('-', "_"));
    Ok(names.filter(|name| !name.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_name_has_neither_hyphens_nor_suffixes() {
        let name = |path: &str| name_of(Path::new(path));
        assert_eq!(
            name("kernel/a/crc32c-intel.ko.xz").as_deref(),
            Some("crc32c_intel")
        );
        assert_eq!(name("kernel/fs/ext4/ext4.ko").as_deref(), Some("ext4"));
        assert_eq!(name("modules.order"), None);
    }
}
