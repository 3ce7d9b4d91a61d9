//! The cargo commands of the tests, with what they print read line by line.

use std::{
    io::{self, BufRead, BufReader, Write},
    path::PathBuf,
    process::{ExitStatus, Stdio},
    thread,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{progress::Stage, tally::Tally};
use crate::{account::Builder, say, tool::Tool, workspace};

/// A cargo command that counts as one test.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) name: &'static str,
    args: &'static [&'static str],
    envs: &'static [(&'static str, &'static str)],
}

/// The checks in the order in which they run: the quickest first. Documentation uses what the lints have
/// compiled.
pub(super) const CHECKS: &[Check] = &[
    Check {
        name: "format",
        args: &["fmt", "--all", "--check"],
        envs: &[],
    },
    Check {
        name: "lints",
        args: &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--release",
            "--",
            "-D",
            "warnings",
        ],
        envs: &[],
    },
    Check {
        name: "library without the kernel",
        args: &[
            "check",
            "--package",
            "mmap-trace",
            "--no-default-features",
            "--lib",
            "--release",
        ],
        envs: &[],
    },
    Check {
        name: "documentation",
        args: &["doc", "--workspace", "--no-deps", "--release"],
        envs: &[("RUSTDOCFLAGS", "-Dwarnings")],
    },
];

const TESTS: &[&str] = &["test", "--workspace", "--release", "--no-fail-fast"];

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Build {
    Everything,
    /// The live tests, with the features that they have in a build of everything.
    Live,
}

/// What a build of the tests has made.
#[derive(Debug, Default)]
pub(super) struct Built {
    pub(super) live: Option<PathBuf>,
    pub(super) binaries: usize,
}

impl Check {
    /// Whether the check passed; cargo's output says why not.
    pub(super) fn run(&self, builder: &Builder, stage: &Stage<'_>) -> Result<bool> {
        // VMs may run at the same time, and their tests have time limits.
        let cargo = workspace::cargo(builder)?.args(self.args).politely();
        let tool = self
            .envs
            .iter()
            .fold(cargo, |tool, (key, value)| tool.env(*key, *value));
        Ok(compile(&tool, stage, |_| ())?.success())
    }
}

/// Builds the tests and everything that they run; `None` if that fails.
pub(super) fn build(what: Build, builder: &Builder, stage: &Stage<'_>) -> Result<Option<Built>> {
    let tool = workspace::cargo(builder)?.args(TESTS);
    let tool = match what {
        Build::Everything => tool,
        Build::Live => tool.args(["--test", "live"]),
    };
    let tool = tool.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let mut built = Built::default();
    let status = compile(&tool, stage, |line| {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        if let (Some(binary), true) = (
            message["executable"].as_str(),
            message["profile"]["test"] == true,
        ) {
            built.binaries += 1;
            if message["target"]["name"] == "live" {
                built.live = Some(binary.into());
            }
        }
    })?;
    Ok(status.success().then_some(built))
}

/// Runs all tests and counts what they print while passing it on.
pub(super) fn run_tests(
    builder: &Builder,
    binaries: usize,
    stage: &Stage<'_>,
    tally: &mut Tally,
) -> Result<()> {
    // The builder has built them already; they run as root because live tests need it.
    let tool = workspace::cargo_undropped(builder)?.args(TESTS);
    let mut started = 0;
    let mut tests = 0;
    let status = pipe(
        &tool,
        |line| {
            tests += usize::from(line.starts_with("test ") && line.contains(" ... "));
            stage.detail(format!("{tests} tests done"));
            tally.read(line);
            true
        },
        |line| {
            // Cargo says which binary it starts; what a test prints lacks the indentation.
            started += usize::from(starts_binary(line));
            if starts_binary(line) {
                let name = line.trim();
                say::note(format_args!("binary {started} of about {binaries}: {name}"));
            }
        },
    )?;
    tally.close(started, status.success());
    Ok(())
}

/// `     Running unittests src/lib.rs (…)` and `   Doc-tests lessons`.
fn starts_binary(line: &str) -> bool {
    (line.starts_with("     Running ") && line.ends_with(')')) || line.starts_with("   Doc-tests ")
}

/// Runs a cargo command that compiles; `stdout` gets the lines of its standard output.
fn compile(tool: &Tool, stage: &Stage<'_>, mut stdout: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut crates = 0;
    pipe(
        tool,
        |line| {
            stdout(line);
            false
        },
        |line| {
            let line = line.trim();
            if ["Compiling ", "Checking ", "Documenting "]
                .iter()
                .any(|verb| line.starts_with(verb))
            {
                crates += 1;
                stage.detail(format!("crate {crates}: {line}"));
            }
        },
    )
}

/// Runs `tool` to its end. Standard error is passed on, and standard output if `stdout` returns true.
fn pipe(
    tool: &Tool,
    mut stdout: impl FnMut(&str) -> bool,
    mut stderr: impl FnMut(&str) + Send,
) -> Result<ExitStatus> {
    let mut child = tool
        .command()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        if let Some(err) = err {
            scope.spawn(move || {
                // An error ends the lines early; the exit status still tells of a failure.
                let _ = each_line(err, io::stderr(), |line| {
                    stderr(line);
                    true
                });
            });
        }
        match out {
            Some(out) => each_line(out, io::stdout(), &mut stdout),
            None => Ok(()),
        }
    })
    .with_context(|| format!("read({})", tool.line()))?;
    child
        .wait()
        .with_context(|| format!("wait({})", tool.line()))
}

/// Calls `each` with each line, and passes the line on unchanged if that returns true.
fn each_line(
    from: impl io::Read,
    mut to: impl Write,
    mut each: impl FnMut(&str) -> bool,
) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        if each(String::from_utf8_lossy(&line).trim_end()) {
            // A closed terminal is no reason to miscount.
            let _ = to.write_all(&line).and_then(|()| to.flush());
        }
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_passed_on_unchanged_even_if_they_are_not_text() {
        let mut to = Vec::new();
        let mut seen = 0;
        each_line(&b"a\n\xff\nlast"[..], &mut to, |_| {
            seen += 1;
            true
        })
        .unwrap();
        assert_eq!((to.as_slice(), seen), (&b"a\n\xff\nlast"[..], 3));
    }

    #[test]
    fn binaries_and_doc_tests_count_as_started() {
        let lines = [
            "   Compiling x",
            "     Running unittests src/lib.rs (t)",
            "   Doc-tests x",
        ];
        assert_eq!(lines.map(starts_binary), [false, true, true]);
    }
}
