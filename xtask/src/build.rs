//! Builds the programs of the workspace before they are run.

use std::{
    io::Read,
    process::{ChildStderr, Stdio},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
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
    // Cargo draws its progress into a pipe only if it is told to, and then needs a width.
    let tool = workspace::cargo(builder)?
        .args(PROGRAMS)
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "100");
    let mut child = tool
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    let said = follow(child.stderr.take());
    let status = child.wait().context("wait(cargo build)")?;
    if !status.success() {
        eprint!("{said}");
        bail!("`{}` ended with {status}", tool.line());
    }
    Ok(())
}

/// Shows cargo's progress if the build takes a while, and returns what else it says.
fn follow(stderr: Option<ChildStderr>) -> String {
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || stderr.map_or_else(String::new, |it| read(it, &sender)));
    let begin = Instant::now();
    let is_over = loop {
        match receiver.recv_timeout(PATIENCE.saturating_sub(begin.elapsed())) {
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) => break false,
            Err(RecvTimeoutError::Disconnected) => break true,
        }
    };
    if !is_over {
        say::step_with(
            "build the tracer, its eBPF programs and the lessons (about 3 min the first time)",
            |step| receiver.iter().for_each(|detail| step.detail(detail)),
        );
    }
    // A panic of the thread has cost only what cargo said.
    reader.join().unwrap_or_default()
}

/// Sends how far the build is, and returns the other lines.
fn read(mut stderr: impl Read, progress: &Sender<String>) -> String {
    let mut said = String::new();
    let mut line = Vec::new();
    let mut bytes = [0; 4096];
    // If reading fails, the lines before the error are shown.
    while let Ok(length @ 1..) = stderr.read(&mut bytes) {
        for &byte in &bytes[..length] {
            if !matches!(byte, b'\n' | b'\r') {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line);
            if let Some(far) = how_far(&text) {
                // Nobody listens to a short build.
                let _ = progress.send(far);
            } else if byte == b'\n' {
                said.push_str(&text);
                said.push('\n');
            }
            line.clear();
        }
    }
    said + &String::from_utf8_lossy(&line)
}

/// What a line of cargo says about progress: the number of compiled units and one that is being compiled, or
/// that another cargo is in the way.
fn how_far(line: &str) -> Option<String> {
    let line = line.trim();
    if line.starts_with("Blocking ") {
        return Some("waiting for another cargo".to_owned());
    }
    let (_, rest) = line.strip_prefix("Building [")?.split_once("] ")?;
    let (numbers, units) = rest.split_once(": ").unwrap_or((rest, ""));
    let (done, all) = numbers.split_once('/')?;
    let unit = units.split([',', '(', '.']).next().unwrap_or_default();
    let colon = if unit.is_empty() { "" } else { ": " };
    Some(format!("{done} of {all}{colon}{unit}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_from_what_cargo_says_to_people() {
        let (sender, receiver) = mpsc::channel();
        let text =
            b"    Blocking waiting for file lock on build directory\n   Compiling aya v0.14.0\n\
            \r    Building [==>    ] 7/210: aya, clap(build.rs)\r\x20   Building [===>   ] 9/210\r\
            error: no\xff\n  --> x\nthe end";
        let said = read(&text[..], &sender);
        drop(sender);
        let far: Vec<String> = receiver.iter().collect();
        assert_eq!(
            far,
            ["waiting for another cargo", "7 of 210: aya", "9 of 210"]
        );
        assert_eq!(
            said,
            "   Compiling aya v0.14.0\nerror: no\u{fffd}\n  --> x\nthe end"
        );
    }
}
