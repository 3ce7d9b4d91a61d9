//! Builds packages of the workspace before they are run.

use std::{
    io::Read as _,
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{account::Builder, say, workspace};

/// The tracer, with its eBPF programs, and the lessons.
pub(crate) const TRACER_AND_LESSONS: &[&str] = &["mmap-trace", "lessons"];

/// A shorter build is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Builds `packages` in release mode; prints nothing unless it takes a while or fails.
pub(crate) fn packages(builder: &Builder, packages: &[&str]) -> Result<()> {
    let tool = workspace::cargo(builder)?.args(["build", "--quiet", "--release"]);
    let tool = packages
        .iter()
        .fold(tool, |tool, package| tool.args(["-p", package]));
    let mut child = tool
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    let text = format!("build {}", packages.join(" and "));
    let (status, said) = wait(&mut child, &text)?;
    if !status.success() {
        eprint!("{said}");
        bail!("`{}` ended with {status}", tool.line());
    }
    Ok(())
}

fn wait(child: &mut Child, text: &str) -> Result<(ExitStatus, String)> {
    let stderr = child.stderr.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        if let Some(mut stderr) = stderr {
            // If reading fails, the bytes before the error are shown.
            let _ = stderr.read_to_end(&mut said);
        }
        let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
    });
    let said = match receiver.recv_timeout(PATIENCE) {
        Err(RecvTimeoutError::Timeout) => say::step(text, || receiver.recv()),
        early => early.map_err(|_| mpsc::RecvError),
    };
    let status = child.wait().context("wait(cargo build)")?;
    Ok((status, said.unwrap_or_default()))
}
