//! Predictions for a run in a VM: asked on the host, where the terminal is, and passed on to the guest.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::{options::Given, request::ALL};
use crate::{tool::Tool, workspace};

/// The answers in the tracer's format; `None` if nobody was asked.
pub(super) fn before(lesson: &str, given: &Given<'_>) -> Result<Option<Vec<u8>>> {
    let file = given.path("predict");
    if lesson == ALL {
        return match file {
            None => Ok(None),
            Some(_) => {
                bail!("--predict holds the answers to one lesson: name that lesson instead of all")
            }
        };
    }
    // With these options the tracer does not ask either.
    let is_silent = given.has("no_predict") || given.has("only") || !is_on_a_terminal();
    if file.is_none() && is_silent {
        return Ok(None);
    }
    // The file has no name, so Ctrl-C cannot leave it behind.
    let memory = memfd_create(c"predictions", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
    let mut memory = File::from(memory);
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    let mut tool = Tool::new(workspace::built("mmap-trace")?);
    tool = tool.args(["predict", lesson, "--output", &path]);
    if let Some(file) = file {
        tool = tool.arg("--predict").arg(file);
    }
    let status = tool.inherit()?;
    if !status.success() {
        bail!(
            "there are no predictions: `{}` ended with {status}",
            tool.line()
        );
    }
    let mut answers = Vec::new();
    memory
        .read_to_end(&mut answers)
        .context("read(predictions)")?;
    Ok(Some(answers))
}

fn is_on_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}
