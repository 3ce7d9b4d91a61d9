//! Which modules the kernel of a VM needs, and in which order they load. kmod answers both: packages come
//! without `modules.dep`, so `depmod` makes it and `modprobe --show-depends` reads it.

use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use super::programs::Programs;

/// Whether a VM works without a module.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Necessity {
    Required,
    Optional,
}

/// Modules in the order in which they are asked for. Before Linux 6.14, ext4 asks the crypto layer for
/// `crc32c_generic` by name, so no dependency leads to it; tests use `loop`.
const WANTED: &[(&str, Necessity)] = &[
    ("virtio_pci", Necessity::Required),
    ("virtio_blk", Necessity::Required),
    ("crc32c_generic", Necessity::Optional),
    ("ext4", Necessity::Required),
    ("loop", Necessity::Optional),
];

/// The name under which kmod sees any folder of modules; it only has to look like a version.
const RELEASE: &str = "1.0.0";

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) name: String,
    pub(crate) content: Vec<u8>,
}

/// The modules below `folder` (`lib/modules/VERSION`) that a VM needs, each after the modules it needs.
pub(crate) fn needed(folder: &Path, programs: &Programs<'_>) -> Result<Vec<Module>> {
    let base = tempfile::tempdir().context("tempdir")?;
    let below = base.path().join("lib/modules");
    fs::create_dir_all(&below)?;
    let folder = fs::canonicalize(folder)?;
    symlink(&folder, below.join(RELEASE)).context("symlink(modules)")?;
    if !folder.join("modules.dep.bin").exists() {
        let depmod = programs.tool("depmod")?.arg("-b").arg(base.path());
        depmod.arg(RELEASE).capture()?.require()?;
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for (name, need) in WANTED {
        // The machine's own /etc/modprobe.d says nothing about this kernel.
        let modprobe = programs
            .tool("modprobe")?
            .args(["-C", "/dev/null", "-S", RELEASE, "-d"])
            .arg(base.path())
            .args(["--show-depends", name]);
        let said = modprobe.capture()?;
        match need {
            _ if said.status.success() => {}
            Necessity::Optional => continue,
            Necessity::Required => bail!(
                "{} has no module {name}, and it is not built in: {}",
                folder.display(),
                said.reason()
            ),
        }
        for path in said.stdout.lines().filter_map(inserted) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths.iter().map(|path| read(path, programs)).collect()
}

/// `insmod /…/ext4.ko.xz OPTIONS`; for a module that is built in, the line is `builtin ext4`.
fn inserted(line: &str) -> Option<PathBuf> {
    let rest = line.strip_prefix("insmod ")?;
    let suffix = rest.find(".ko")?;
    let end = rest[suffix..]
        .find(' ')
        .map_or(rest.len(), |at| suffix + at);
    Some(PathBuf::from(&rest[..end]))
}

fn read(path: &Path, programs: &Programs<'_>) -> Result<Module> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let (name, suffix) = file.split_once(".ko").unwrap_or((&file, ""));
    let program = match suffix {
        ".xz" => Some("xz"),
        ".zst" => Some("zstd"),
        ".gz" => Some("gzip"),
        _ => None,
    };
    let content = match program {
        None => fs::read(path)?,
        Some(program) => {
            let tool = programs.tool(program)?.args(["-d", "-c"]).arg(path);
            let output = tool
                .command()
                .output()
                .with_context(|| format!("cannot start `{}`", tool.line()))?;
            if !output.status.success() {
                bail!("`{}` ended with {}", tool.line(), output.status);
            }
            output.stdout
        }
    };
    Ok(Module {
        name: name.replace('-', "_"),
        content,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_modules_that_are_not_built_in_are_inserted() {
        let path = |line| inserted(line).map(|path| path.display().to_string());
        let ext4 = Some("/a b/ext4.ko.xz".to_owned());
        assert_eq!(path("insmod /a b/ext4.ko.xz "), ext4);
        assert_eq!(path("insmod /a b/ext4.ko.xz debug=1 x=a"), ext4);
        assert_eq!(path("builtin virtio_pci"), None);
    }
}
