//! Starts lessons and reads what they print.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// Maps each scenario to its row.
pub(crate) type Summary = BTreeMap<String, Row>;

/// What the summary of an untraced run says about one scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) rounds: u64,
    pub(crate) work_bytes: u64,
    pub(crate) operations: u64,
    pub(crate) minor_faults: u64,
    pub(crate) major_faults: u64,
    pub(crate) observed: BTreeMap<String, i64>,
}

impl Row {
    pub(crate) fn faults(&self) -> u64 {
        self.minor_faults + self.major_faults
    }
}

/// Makes a directory on a disk.
pub(crate) fn scratch() -> TempDir {
    TempDir::with_prefix_in("mmap-trace-test-", "/var/tmp").expect("/var/tmp is writable")
}

pub(crate) fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// The lesson that exists for the library's tests.
pub(crate) fn probe() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lesson-probe"))
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that must succeed, and parses its summary.
pub(crate) fn succeed(command: &mut Command) -> Summary {
    let output = command.output().expect("it starts");
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        output.status,
        stderr(&output)
    );
    parse(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// Runs a command that must fail with this exit code, and returns its stderr.
pub(crate) fn fail(command: &mut Command, code: i32) -> String {
    let output = command.output().expect("it starts");
    assert_eq!(
        output.status.code(),
        Some(code),
        "{command:?}: {}",
        stderr(&output)
    );
    stderr(&output)
}

fn parse(text: &str) -> Summary {
    let mut summary = Summary::new();
    let mut current = String::new();
    for line in text.lines().skip(1).take_while(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(" = ") {
            let row = summary.get_mut(&current).expect("a scenario comes first");
            row.observed
                .insert(name.trim().to_owned(), value.parse().expect("a number"));
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |place: usize| words[place].parse().expect("a number");
        words[0].clone_into(&mut current);
        let row = Row {
            rounds: number(1),
            work_bytes: number(3),
            operations: number(4),
            minor_faults: number(5),
            major_faults: number(6),
            observed: BTreeMap::new(),
        };
        summary.insert(current.clone(), row);
    }
    summary
}
