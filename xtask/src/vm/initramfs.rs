//! The guest's first file system: PID 1, modules, programs with the libraries they need, and accounts.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, IntoInnerError, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use cpio::newc::{self, ModeFileType};
use fs_err as fs;
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{libraries, store::Kernel};

/// Distributions keep these folders as links into `/usr`.
const MERGED: &[(&str, &str)] = &[
    ("/bin", "usr/bin"),
    ("/sbin", "usr/sbin"),
    ("/lib", "usr/lib"),
    ("/lib64", "usr/lib64"),
];

const FOLDERS: &[&str] = &["/root", "/home/student", "/proc", "/sys", "/var/tmp"];

const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\n\
                      nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n\
                      student:x:1000:1000:student:/home/student:/bin/sh\n";
const GROUP: &str = "root:x:0:\nnogroup:x:65534:\nstudent:x:1000:\n";

/// A program of the host, and its name in the guest's `/usr/bin`.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) from: PathBuf,
    pub(crate) name: String,
}

/// Where the guest's tracer finds the predictions made on the host; nothing is mounted over it.
pub(crate) const PREDICTIONS: &str = "/root/predictions.toml";

#[derive(Clone, Debug)]
pub(crate) struct Content {
    /// The host's path of PID 1.
    pub(crate) init: PathBuf,
    pub(crate) programs: Vec<Program>,
    /// The content of [`PREDICTIONS`].
    pub(crate) predictions: Option<Vec<u8>>,
}

/// Writes the archive into memory, so that nothing is left behind however this program ends.
pub(crate) fn build(kernel: &Kernel, content: &Content) -> Result<File> {
    let file = memfd_create(c"initramfs", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
    let mut archive = Archive {
        to: BufWriter::with_capacity(1 << 20, File::from(file)),
        names: BTreeSet::new(),
    };
    archive
        .write_all_of(kernel, content)
        .context("write(initramfs)")?;
    let writer = newc::trailer(archive.to).context("write(initramfs)")?;
    writer
        .into_inner()
        .map_err(IntoInnerError::into_error)
        .context("write(initramfs)")
}

/// A cpio archive in the `newc` format, which the kernel unpacks
/// (Documentation/driver-api/early-userspace/buffer-format.rst).
struct Archive {
    to: BufWriter<File>,
    names: BTreeSet<String>,
}

impl Archive {
    fn write_all_of(&mut self, kernel: &Kernel, content: &Content) -> Result<()> {
        self.entry("/dev/console", ModeFileType::Char, 0o600, &[])?;
        for (link, target) in MERGED {
            self.folder(&format!("/{target}"))?;
            self.entry(link, ModeFileType::Symlink, 0o777, target.as_bytes())?;
        }
        FOLDERS.iter().try_for_each(|folder| self.folder(folder))?;
        self.entry(
            "/etc/passwd",
            ModeFileType::Regular,
            0o644,
            PASSWD.as_bytes(),
        )?;
        self.entry("/etc/group", ModeFileType::Regular, 0o644, GROUP.as_bytes())?;
        if let Some(predictions) = &content.predictions {
            self.entry(PREDICTIONS, ModeFileType::Regular, 0o644, predictions)?;
        }
        for module in &kernel.modules {
            let name = module.file_name().unwrap_or_default().to_string_lossy();
            self.copy(module, &format!("/modules/{name}"))?;
        }
        self.copy(&content.init, "/init")?;
        for program in &content.programs {
            self.copy(&program.from, &format!("/usr/bin/{}", program.name))?;
        }
        let programs = content.programs.iter().map(|program| &program.from);
        let programs: Vec<PathBuf> = programs.chain([&content.init]).cloned().collect();
        for library in libraries::needed_by(&programs)? {
            self.copy(&library, &behind_link(&library))?;
        }
        Ok(())
    }

    fn copy(&mut self, from: &Path, to: &str) -> Result<()> {
        let content = fs::read(from)?;
        Ok(self.entry(to, ModeFileType::Regular, 0o755, &content)?)
    }

    fn folder(&mut self, path: &str) -> io::Result<()> {
        self.entry(path, ModeFileType::Directory, 0o755, &[])
    }

    /// Writes the folders above `path` and then the entry, unless the archive has an entry of that name.
    fn entry(
        &mut self,
        path: &str,
        kind: ModeFileType,
        permissions: u32,
        content: &[u8],
    ) -> io::Result<()> {
        let name = path.trim_start_matches('/');
        if let Some((above, _)) = name.rsplit_once('/') {
            self.folder(above)?;
        }
        if !self.names.insert(name.to_owned()) {
            return Ok(());
        }
        let (major, minor) = match kind {
            // The only device is the console (Documentation/admin-guide/devices.txt).
            ModeFileType::Char => (5, 1),
            _ => (0, 0),
        };
        let size = u32::try_from(content.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        let mut writer = newc::Builder::new(name)
            .ino(self.names.len() as u32)
            .mode(permissions)
            .set_mode_file_type(kind)
            .rdev_major(major)
            .rdev_minor(minor)
            .write(&mut self.to, size);
        writer.write_all(content)?;
        writer.finish()?;
        Ok(())
    }
}

/// `/lib64/ld.so` → `/usr/lib64/ld.so`: the archive cannot hold a file below a link.
fn behind_link(path: &Path) -> String {
    let is_merged = MERGED.iter().any(|(link, _)| path.starts_with(link));
    format!("{}{}", if is_merged { "/usr" } else { "" }, path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_in_a_merged_folder_are_put_behind_the_link() {
        let place = |path: &str| behind_link(Path::new(path));
        assert_eq!(place("/lib64/ld.so"), "/usr/lib64/ld.so");
        assert_eq!(place("/usr/lib/libc.so.6"), "/usr/lib/libc.so.6");
        assert_eq!(place("/library/x"), "/library/x");
    }

    #[test]
    fn folders_come_before_what_they_hold_and_the_first_entry_of_a_name_stays() {
        let mut archive = Archive {
            to: BufWriter::new(tempfile::tempfile().unwrap()),
            names: BTreeSet::new(),
        };
        for content in ["12345", "ignored"] {
            let kind = ModeFileType::Regular;
            archive
                .entry("/a/b/file", kind, 0o755, content.as_bytes())
                .unwrap();
        }
        let mut file = archive.to.into_inner().unwrap();
        io::Seek::rewind(&mut file).unwrap();
        let bytes = io::read_to_string(file).unwrap();
        let place = |name: &str| bytes.find(name).unwrap();
        assert!(place("a\0") < place("a/b\0") && place("a/b\0") < place("a/b/file\0"));
        assert!(bytes.contains("12345") && !bytes.contains("ignored"));
    }
}
