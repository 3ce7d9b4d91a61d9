//! The programs of this repository that run inside a VM.

use std::path::Path;

use anyhow::Result;
use fs_err as fs;

use super::initramfs::{Content, Program};
use crate::workspace;

/// PID 1, the tracer and the lessons, which must be built already.
pub(crate) fn content() -> Result<Content> {
    Ok(Content {
        init: workspace::built("xtask-guest")?,
        programs: tracer_and_lessons(&workspace::target_dir()?.join("release"))?,
        predictions: None,
    })
}

/// The tracer finds a lesson by its name in its own folder, so it takes all that have been built.
fn tracer_and_lessons(release: &Path) -> Result<Vec<Program>> {
    let entries = fs::read_dir(release)?;
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
