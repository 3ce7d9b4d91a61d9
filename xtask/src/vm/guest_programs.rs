//! The programs of this repository that run inside a VM.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use super::initramfs::{Content, Program};
use crate::{account::Builder, workspace};

/// The guest with the tracer and the lessons, which must be built already.
pub(crate) fn content(builder: &Builder) -> Result<Content> {
    Ok(Content {
        init: init(builder)?,
        programs: tracer_and_lessons(&workspace::target_dir()?.join("release"))?,
        predictions: None,
    })
}

/// Builds PID 1 with the profile of this program, so that its dependencies are built already.
fn init(builder: &Builder) -> Result<PathBuf> {
    let program = env::current_exe().context("current_exe()")?;
    let folder = program.parent().unwrap_or(Path::new("/"));
    let mut tool = workspace::cargo(builder)?.args(["build", "--quiet", "-p", "xtask"]);
    tool = tool.args(["--bin", "xtask-guest"]);
    if folder.ends_with("release") {
        tool = tool.arg("--release");
    }
    tool.capture()?.require()?;
    Ok(folder.join("xtask-guest"))
}

/// The tracer finds a lesson by its name in its own folder, so it takes all that have been built.
fn tracer_and_lessons(release: &Path) -> Result<Vec<Program>> {
    let entries =
        fs::read_dir(release).with_context(|| format!("read_dir({})", release.display()))?;
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let number = name.strip_prefix("lesson-").unwrap_or_default();
            name == "mmap-trace"
                || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    names.sort();
    let program = |name: String| Program {
        from: release.join(&name),
        name,
    };
    Ok(names.into_iter().map(program).collect())
}
