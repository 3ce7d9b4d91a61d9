//! What is run: the checks that pass or fail as a whole, and the tests.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{ChildStdout, ExitCode, Stdio},
    thread,
};

use anyhow::{Context as _, Result};

use super::tally::Tally;
use crate::{account::Builder, lessons, say, workspace};

/// One cargo command that counts as one test.
#[derive(Debug)]
pub(crate) struct Check {
    /// Its name in the report.
    pub(crate) name: &'static str,
    args: &'static [&'static str],
    envs: &'static [(&'static str, &'static str)],
}

/// In the order they are run: the quickest first.
pub(crate) const CHECKS: &[Check] = &[
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
        name: "documentation",
        args: &["doc", "--workspace", "--no-deps", "--release"],
        envs: &[("RUSTDOCFLAGS", "-Dwarnings")],
    },
];

const TESTS: &[&str] = &["test", "--workspace", "--release", "--no-fail-fast"];

impl Check {
    /// Whether it passed; cargo's own output says why not.
    pub(crate) fn run(&self, builder: &Builder) -> Result<bool> {
        let cargo = workspace::cargo(builder)?;
        let tool = self
            .envs
            .iter()
            .fold(cargo, |tool, (key, value)| tool.env(*key, *value));
        let tool = tool.args(self.args);
        say::note(format_args!("{}: cargo {}", self.name, self.args.join(" ")));
        Ok(tool.inherit()?.success())
    }
}

/// Whether text, program and claims of every lesson fit together.
pub(crate) fn lessons(builder: &Builder) -> Result<bool> {
    say::note("lessons: cargo xtask lessons");
    Ok(lessons::prove(builder)? == ExitCode::SUCCESS)
}

/// Runs all tests and counts what they print while passing it on.
pub(crate) fn tests(builder: &Builder, tally: &mut Tally) -> Result<()> {
    say::note(format_args!("tests: cargo {}", TESTS.join(" ")));
    if builder.ids().is_some() {
        // Built as the account behind sudo; run as root below, because live tests need it.
        let built = workspace::cargo(builder)?
            .args(TESTS)
            .arg("--no-run")
            .inherit()?;
        if !built.success() {
            tally.add_crash("the tests do not build");
            return Ok(());
        }
    }
    let tool = workspace::cargo_undropped(builder)?.args(TESTS);
    let mut child = tool
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", tool.line()))?;
    // Cargo says on stderr which binary it starts; the binaries report on stdout.
    let started = child
        .stderr
        .take()
        .map(|stderr| thread::spawn(move || count_started(stderr, io::stderr())));
    if let Some(stdout) = child.stdout.take() {
        read_results(stdout, tally)?;
    }
    let status = child.wait().context("wait(cargo test)")?;
    let started = started.and_then(|thread| thread.join().ok()).unwrap_or(0);
    tally.close(started, status.success());
    Ok(())
}

fn read_results(stdout: ChildStdout, tally: &mut Tally) -> Result<()> {
    pass_on(stdout, io::stdout(), |line| tally.read(line)).context("read(cargo test)")
}

fn count_started(stderr: impl io::Read, to: impl Write) -> usize {
    let mut started = 0;
    // Cut short, it counts fewer; the exit status still tells of a failure.
    let _ = pass_on(stderr, to, |line| {
        started += usize::from(starts_binary(line));
    });
    started
}

/// `     Running unittests src/lib.rs (…)` and `   Doc-tests lessons`.
fn starts_binary(line: &str) -> bool {
    // With cargo's indentation: what a test itself prints is no start of a binary.
    (line.starts_with("     Running ") && line.ends_with(')')) || line.starts_with("   Doc-tests ")
}

fn pass_on(from: impl io::Read, mut to: impl Write, mut each: impl FnMut(&str)) -> io::Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line)? > 0 {
        // A closed terminal is no reason to miscount.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        each(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests_of_reading {
    use super::*;

    #[test]
    fn lines_are_passed_on_unchanged_even_when_they_are_not_text() {
        let mut to = Vec::new();
        let mut seen = 0;
        pass_on(&b"a\n\xff\nlast"[..], &mut to, |_| seen += 1).unwrap();
        assert_eq!((to.as_slice(), seen), (&b"a\n\xff\nlast"[..], 3));
    }

    #[test]
    fn binaries_and_doc_tests_are_counted_as_started() {
        let said = b"   Compiling x\n     Running unittests src/lib.rs (t)\n   Doc-tests x\n";
        assert_eq!(count_started(&said[..], io::sink()), 2);
    }
}
