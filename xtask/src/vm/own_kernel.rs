//! The user's own kernel: `--kernel-image FILE`.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use fs_err as fs;

use super::{
    programs::Programs,
    store::{self, Kernel},
};
use crate::say;

/// Offsets in a bzImage (Documentation/arch/x86/boot.rst): the magic number, and the offset of the
/// version's text from the end of the first sector.
const MAGIC_AT: u64 = 0x202;
const VERSION_OFFSET_AT: u64 = 0x20e;
const SECTOR_BYTES: u64 = 0x200;

/// The kernel in `image`; the modules that a VM needs are copied to `scratch`.
pub(crate) fn kernel(
    image: &Path,
    modules: Option<&Path>,
    scratch: &Path,
    programs: &Programs<'_>,
) -> Result<Kernel> {
    let version = version(image)?;
    let installed = Path::new("/lib/modules").join(&version);
    let folder = modules.map(Path::to_path_buf).or_else(|| {
        // Without modules everything must be built in; the guest says so if it is not.
        installed.is_dir().then_some(installed)
    });
    let mut files: Vec<PathBuf> = Vec::new();
    if folder.is_none() {
        say::note(format_args!(
            "this machine has no modules of {version}: virtio_pci, virtio_blk and ext4 must be built \
             in, or --kernel-modules DIR must name their folder"
        ));
    }
    if let Some(folder) = folder {
        store::put_modules(&folder, scratch, programs)?;
        let entries = fs::read_dir(scratch)?;
        files.extend(entries.flatten().map(|entry| entry.path()));
        files.sort();
    }
    Ok(Kernel {
        name: version.clone(),
        version,
        image: image.to_path_buf(),
        modules: files,
        stamp: None,
    })
}

/// What `uname -r` will print.
fn version(image: &Path) -> Result<String> {
    let file = File::open(image).with_context(|| format!("open({})", image.display()))?;
    let read = |bytes: &mut [u8], at: u64| {
        file.read_exact_at(bytes, at)
            .with_context(|| format!("read({})", image.display()))
    };
    let (mut magic, mut place) = ([0; 4], [0; 2]);
    read(&mut magic, MAGIC_AT)?;
    if &magic != b"HdrS" {
        bail!("{} is not an x86 bzImage", image.display());
    }
    read(&mut place, VERSION_OFFSET_AT)?;
    let mut text = [0; 64];
    read(
        &mut text,
        SECTOR_BYTES + u64::from(u16::from_le_bytes(place)),
    )?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let version = text.split([' ', '\0']).next().unwrap_or_default();
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_image() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image[0x300..0x311].copy_from_slice(b"6.12.1 (somebody)");
        std::fs::write(file.path(), image).unwrap();
        assert_eq!(version(file.path()).unwrap(), "6.12.1");
    }

    #[test]
    fn a_file_that_is_not_a_kernel_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![0; 0x400]).unwrap();
        let error = version(file.path()).unwrap_err().to_string();
        assert!(error.contains("is not an x86 bzImage"), "{error}");
    }
}
