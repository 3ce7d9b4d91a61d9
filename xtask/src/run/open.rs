//! `cargo xtask open LESSON`: runs a lesson as `run` does, writes its page, and opens it.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result};
use fs_err as fs;
use mmap_trace::text::search_path;

use super::{Given, built, known, start_for_run};
use crate::{
    account::{Builder, Privileges},
    ownership::Ownership,
    say, workspace,
};

/// Runs `lesson` and opens its page; the exit code is the tracer's.
pub(crate) fn open(lesson: &str, given: &Given<'_>) -> Result<ExitCode> {
    let id = known(lesson, given)?;
    let builder = Privileges::now().builder()?;
    let tracer = built()?;
    let page = match given.path("html") {
        Some(page) => page,
        None => place(&workspace::target_dir()?, &id)?,
    };
    Ownership::of(&builder)?.give_back();
    let tool = start_for_run(&tracer, lesson, given, &["html"])?;
    let status = tool.arg("--html").arg(&page).inherit()?;
    if page.is_file() {
        show(&page, &builder)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Where the page of a lesson lies, so that a browser that shows it can load it again. A page of an earlier
/// run is deleted: it must not be taken for this one's.
fn place(target: &Path, id: &str) -> Result<PathBuf> {
    let folder = target.join("pages");
    fs::create_dir_all(&folder)?;
    let page = folder.join(format!("{id}.html"));
    if page.exists() {
        fs::remove_file(&page)?;
    }
    Ok(page)
}

/// Opens the page in a browser if there is a display, and says where it is.
fn show(page: &Path, builder: &Builder) -> Result<()> {
    let page = page.canonicalize().context("canonicalize(page)")?;
    let has_display = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| env::var_os(name).is_some_and(|value| !value.is_empty()));
    say::note(format_args!("the page is {}", page.display()));
    let Some(opener) = search_path::find("xdg-open").filter(|_| has_display) else {
        return Ok(());
    };
    // A browser belongs to the account that called sudo.
    let mut command: Command = builder.run(opener).arg(&page).command();
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    if !quiet.status().is_ok_and(|status| status.success()) {
        say::note("xdg-open could not open it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_an_earlier_run_is_deleted() {
        let target = tempfile::tempdir().unwrap();
        let page = place(target.path(), "lesson-3").unwrap();
        assert_eq!(page, target.path().join("pages/lesson-3.html"));
        fs::write(&page, "old").unwrap();
        assert!(!place(target.path(), "lesson-3").unwrap().exists());
    }
}
