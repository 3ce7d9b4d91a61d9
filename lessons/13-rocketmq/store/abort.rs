//! The file `abort`: there while a broker runs. Whoever finds it at a start knows that nobody said goodbye.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::recovery::Exit;

pub(crate) struct Abort(PathBuf);

impl Abort {
    /// How the broker before this one ended. From now on the file is there.
    pub(crate) fn begin(path: PathBuf) -> Result<(Self, Exit)> {
        let exit = if path.exists() {
            Exit::Abnormal
        } else {
            Exit::Normal
        };
        fs::write(&path, std::process::id().to_string())
            .with_context(|| format!("writing {}", path.display()))?;
        Ok((Abort(path), exit))
    }

    pub(crate) fn end(&self) -> Result<()> {
        fs::remove_file(&self.0).with_context(|| format!("removing {}", self.0.display()))
    }
}
