//! Pages of runs in a VM: the guest's tracer cannot write files of the host, so the host's draws them from
//! the recordings.

use std::{io::Write as _, path::Path};

use anyhow::{Context as _, Result};

use super::request::ALL;
use crate::{say, tool::Tool, workspace};

/// Draws the page of a recording; without one, there is no page.
pub(super) fn draw(lesson: &str, recording: &[u8], page: &Path) -> Result<()> {
    if recording.is_empty() {
        return Ok(());
    }
    let mut file = tempfile::NamedTempFile::new().context("tempfile")?;
    file.write_all(recording).context("write(recording)")?;
    let command = if lesson == ALL { "claims" } else { "report" };
    let tool = Tool::new(workspace::built("mmap-trace")?).arg(command);
    let tool = tool.arg(file.path()).arg("--html").arg(page);
    if !tool.inherit()?.success() {
        say::note("the page could not be written");
    }
    Ok(())
}
