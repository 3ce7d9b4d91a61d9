//! `cargo xtask run LESSON --kernel …`: the same tracer with the same output, in another kernel.

use std::{
    fs::{self, File, OpenOptions},
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;

use super::{
    matrix,
    options::Given,
    page, predictions,
    request::{ALL, KernelArgs, Kernels},
    traced::{Prepared, pass_on},
};
use crate::{
    cache::Cache,
    vm::{
        own_kernel,
        programs::Programs,
        store::{self, Kernel},
    },
};

/// Where the lesson runs and where its recording goes, before anything is built.
#[derive(Debug)]
pub(super) enum Plan {
    /// In each kernel, one after another.
    Matrix,
    One {
        kernel: Box<Kernel>,
        output: Option<Output>,
        /// Holds the modules of the user's own kernel.
        _scratch: Option<TempDir>,
    },
}

impl Plan {
    /// Refuses what cannot be had, and fetches the kernel.
    pub(super) fn new(
        cache: &Cache,
        lesson: &str,
        kernels: &KernelArgs,
        given: &Given<'_>,
    ) -> Result<Self> {
        let mut scratch = None;
        let kernel = match (kernels.kernel, &kernels.kernel_image) {
            (Some(Kernels::All), _) if lesson == ALL => bail!(
                "--kernel all compares kernels in one lesson: name the lesson, or name one kernel \
                 for all lessons"
            ),
            (Some(Kernels::All), _) => return Ok(Plan::Matrix),
            (Some(Kernels::One(series)), _) => store::ensure(cache, series)?,
            (None, Some(image)) => {
                let folder = tempfile::tempdir().context("tempdir")?;
                let modules = kernels.kernel_modules.as_deref();
                let programs = Programs::new(cache);
                let kernel = own_kernel::kernel(image, modules, folder.path(), &programs)?;
                scratch = Some(folder);
                kernel
            }
            (None, None) => bail!("no kernel for the VM was named; for example: --kernel 6.12"),
        };
        let output = given.path("output");
        Ok(Plan::One {
            kernel: Box::new(kernel),
            output: output.as_deref().map(Output::open).transpose()?,
            _scratch: scratch,
        })
    }

    pub(super) fn run(self, cache: &Cache, lesson: &str, given: &Given<'_>) -> Result<ExitCode> {
        let predictions = predictions::before(lesson, given)?;
        let prepared = Prepared::new(cache, given, predictions)?;
        match self {
            Plan::Matrix => matrix::run(lesson, &prepared),
            Plan::One { kernel, output, .. } => one(lesson, &prepared, &kernel, output),
        }
    }
}

fn one(
    lesson: &str,
    prepared: &Prepared<'_>,
    kernel: &Kernel,
    output: Option<Output>,
) -> Result<ExitCode> {
    let returned = prepared.trace(lesson, kernel, pass_on)?;
    if let Some(path) = prepared.given.path("html") {
        page::draw(lesson, &returned.file, &path)?;
    }
    if let Some(output) = output {
        output.write(&returned.file)?;
    }
    Ok(u8::try_from(returned.code).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// A file for the recording, opened early so that a bad path fails at once.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    file: File,
    created: bool,
}

impl Output {
    fn open(path: &Path) -> Result<Self> {
        let created = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .with_context(|| format!("cannot write the recording to {}", path.display()))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            created,
        })
    }

    /// Writes `recording`, or leaves the file as it was if the run made none.
    fn write(mut self, recording: &[u8]) -> Result<()> {
        if recording.is_empty() {
            return Ok(());
        }
        self.created = false;
        // A pipe or a terminal cannot be truncated, and need not be.
        let _ = self.file.set_len(0);
        self.file
            .write_all(recording)
            .with_context(|| format!("cannot write the recording to {}", self.path.display()))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.created {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_recording_leaves_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run.json");
        Output::open(&path).unwrap().write(b"").unwrap();
        assert!(!path.exists());
        Output::open(&path).unwrap().write(b"{}").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "{}");
    }
}
