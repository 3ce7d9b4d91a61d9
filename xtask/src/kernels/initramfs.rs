//! The guest's first file system: PID 1, modules, programs with the libraries they need, accounts.

use std::{
    fs::{self, File},
    io::{BufWriter, IntoInnerError},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{cpio::Archive, libraries, store::Kernel};

/// Folders of which distributions keep one half as links to the other.
const MERGED: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/sbin", "usr/sbin"),
    ("/lib", "usr/lib"),
    ("/lib64", "usr/lib64"),
];

/// Root, nobody, and an ordinary user.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n\
                      student:x:1000:1000:student:/home/student:/bin/sh\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\nstudent:x:1000:\n";

/// A program of the host, and what it is called in the guest.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// On the host.
    pub(crate) from: PathBuf,
    /// In the guest's `/usr/bin`.
    pub(crate) name: String,
}

/// Where the guest's tracer finds what was predicted on the host; no file system is mounted there.
pub(crate) const PREDICTIONS: &str = "/root/predictions.toml";

/// Everything but the kernel's modules.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// PID 1.
    pub(crate) init: PathBuf,
    /// What can be run.
    pub(crate) programs: Vec<Program>,
    /// Files of the host that keep their path.
    pub(crate) files: Vec<PathBuf>,
    /// What was predicted, for [`PREDICTIONS`].
    pub(crate) predictions: Option<Vec<u8>>,
}

/// Writes the archive into memory: nothing can be left behind, however this program ends.
pub(crate) fn build(kernel: &Kernel, content: &Content) -> Result<File> {
    let file = memfd_create(c"initramfs", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
    let mut archive = Archive::new(BufWriter::with_capacity(1 << 20, File::from(file)));
    archive
        .device("/dev/console", 5, 1)
        .context("write(initramfs)")?;
    for (link, target) in MERGED {
        archive
            .folder(&format!("/{target}"))
            .context("write(initramfs)")?;
        archive.link(link, target).context("write(initramfs)")?;
    }
    for folder in ["/root", "/home/student", "/proc", "/sys", "/var/tmp"] {
        archive.folder(folder).context("write(initramfs)")?;
    }
    for (path, text) in [("/etc/passwd", PASSWD), ("/etc/group", GROUP)] {
        archive
            .file(path, 0o644, text.as_bytes())
            .context("write(initramfs)")?;
    }
    if let Some(predictions) = &content.predictions {
        archive
            .file(PREDICTIONS, 0o644, predictions)
            .context("write(initramfs)")?;
    }
    for module in &kernel.modules {
        let name = module.file_name().unwrap_or_default().to_string_lossy();
        copy(&mut archive, module, &format!("/modules/{name}"))?;
    }
    copy(&mut archive, &content.init, "/init")?;
    let mut all = vec![content.init.clone()];
    for program in &content.programs {
        copy(
            &mut archive,
            &program.from,
            &format!("/usr/bin/{}", program.name),
        )?;
        all.push(program.from.clone());
    }
    let libraries = libraries::needed_by(&all)?;
    for path in libraries.iter().chain(&content.files) {
        copy(&mut archive, path, &merged(path))?;
    }
    let writer = archive.finish().context("write(initramfs)")?;
    writer
        .into_inner()
        .map_err(IntoInnerError::into_error)
        .context("write(initramfs)")
}

/// `/lib64/ld.so` → `/usr/lib64/ld.so`: a file cannot be put below a link.
fn merged(path: &Path) -> String {
    let text = path.to_string_lossy().into_owned();
    let is_merged = MERGED.iter().any(|(link, _)| path.starts_with(link));
    if is_merged {
        format!("/usr{text}")
    } else {
        text
    }
}

fn copy(archive: &mut Archive<BufWriter<File>>, from: &Path, to: &str) -> Result<()> {
    let content = fs::read(from).with_context(|| format!("read({})", from.display()))?;
    archive
        .file(to, 0o755, &content)
        .context("write(initramfs)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_of_a_merged_folder_lie_behind_the_link() {
        assert_eq!(merged(Path::new("/lib64/ld.so")), "/usr/lib64/ld.so");
        assert_eq!(
            merged(Path::new("/usr/lib/libc.so.6")),
            "/usr/lib/libc.so.6"
        );
        assert_eq!(merged(Path::new("/library/x")), "/library/x");
    }
}
