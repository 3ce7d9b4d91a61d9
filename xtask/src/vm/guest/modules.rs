//! Loads kernel modules; the host numbered their files in the order in which they load.

use std::{fs, io, path::PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::{
    errno::Errno,
    kmod::{ModuleInitFlags, finit_module},
};

const FOLDER: &str = "/modules";

pub(crate) fn load() -> Result<()> {
    let mut files: Vec<PathBuf> = match fs::read_dir(FOLDER) {
        Ok(entries) => entries
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<io::Result<_>>()
            .context("read_dir(/modules)")?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).context("read_dir(/modules)"),
    };
    files.sort();
    for path in files {
        let file = fs::File::open(&path).with_context(|| format!("open({})", path.display()))?;
        match finit_module(&file, c"", ModuleInitFlags::empty()) {
            // ENODEV: this CPU lacks the feature that the driver uses; a generic driver follows.
            Ok(()) | Err(Errno::EEXIST | Errno::ENODEV) => {}
            Err(error) => bail!("finit_module({}): {error}", path.display()),
        }
    }
    Ok(())
}
