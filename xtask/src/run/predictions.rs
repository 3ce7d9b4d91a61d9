//! Predictions for a run in a VM: asked on the host, where the terminal is, and passed on to the guest.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Read as _},
    os::fd::AsRawFd as _,
};

use anyhow::{Context as _, Result, bail};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::request::{ALL, Request, has};
use crate::{tool::Tool, workspace};

/// Options with which the tracer does not ask.
const SILENT: [&str; 4] = ["--no-predict", "--only", "--help", "-h"];

/// The answers in the tracer's format; `None` if nobody was asked.
pub(super) fn before(lesson: &str, request: &Request) -> Result<Option<Vec<u8>>> {
    if lesson == ALL {
        return match &request.predict {
            None => Ok(None),
            Some(_) => {
                bail!("--predict holds the answers to one lesson: name that lesson instead of all")
            }
        };
    }
    let is_silent = SILENT.iter().any(|option| has(&request.options, option));
    if request.predict.is_none() && (is_silent || !is_on_a_terminal()) {
        return Ok(None);
    }
    // The file has no name, so Ctrl-C cannot leave it behind.
    let memory = memfd_create(c"predictions", MFdFlags::MFD_CLOEXEC).context("memfd_create")?;
    let mut memory = File::from(memory);
    let path = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
    let mut tool =
        Tool::new(workspace::built("mmap-trace")?).args(["predict", lesson, "--output", &path]);
    if let Some(file) = &request.predict {
        tool = tool.arg("--predict").arg(file);
    }
    let status = tool
        .command()
        .status()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    if !status.success() {
        bail!(
            "there are no predictions: `{}` ended with {status}",
            tool.line()
        );
    }
    let mut answers = Vec::new();
    memory
        .read_to_end(&mut answers)
        .context("read(the predictions)")?;
    Ok(Some(answers))
}

fn is_on_a_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && io::stderr().is_terminal()
}
