//! Builds the programs of the workspace before they are run.

use std::{
    io::Read as _,
    process::{Child, ExitStatus, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use crate::{account::Builder, say, workspace};

/// The tracer with its eBPF programs, the lessons, and PID 1 of VMs. Selecting the workspace gives their
/// dependencies the features that they have in a build of the tests, so nothing is built twice.
const PROGRAMS: [&str; 11] = [
    "build",
    "--release",
    "--workspace",
    "--bin",
    "mmap-trace",
    "--bin",
    "lesson-*",
    "--bin",
    "rocketmq-broker",
    "--bin",
    "xtask-guest",
];

/// A shorter build is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// Builds all programs; prints nothing unless that takes a while or fails.
pub(crate) fn programs(builder: &Builder) -> Result<()> {
    let tool = workspace::cargo(builder)?.args(PROGRAMS).arg("--quiet");
    let mut child = tool
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    let (status, said) = wait(&mut child)?;
    if !status.success() {
        eprint!("{said}");
        bail!("`{}` ended with {status}", tool.line());
    }
    Ok(())
}

fn wait(child: &mut Child) -> Result<(ExitStatus, String)> {
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
        Err(RecvTimeoutError::Timeout) => say::step(
            "build the tracer, its eBPF programs and the lessons (about 3 min the first time)",
            || receiver.recv(),
        ),
        early => early.map_err(|_| mpsc::RecvError),
    };
    let status = child.wait().context("wait(cargo build)")?;
    Ok((status, said.unwrap_or_default()))
}
