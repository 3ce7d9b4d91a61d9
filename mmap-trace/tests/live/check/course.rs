//! `run all` from end to end, and what `claims` prints from the file that it saves.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::Signal;
use serde_json::Value;

use super::{
    leftovers::{must_be_empty, signal},
    lessons::{LESSONS, OPTIONS},
};
use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "run all records every lesson once, and claims lists all claims from its file",
        whole_course,
    ),
    (
        "run all goes on after a lesson that cannot run, and Ctrl-C keeps what was recorded",
        cut_short,
    ),
];

/// Enough for the slowest machine that the tests support.
const LIMIT: Duration = Duration::from_mins(6);

/// The number of claims in the mmap notes.
const CLAIMS: usize = 44;

/// The ids of the lessons in a file saved by `run all`.
fn recorded(file: &Path) -> Result<Vec<String>> {
    let course = json(&fs::read(file).context("run all saved nothing")?)?;
    let fields = course.as_object().context("not an object")?;
    ensure!(
        fields.keys().collect::<Vec<_>>() == ["recordings"],
        "the object has {:?}",
        fields.keys()
    );
    let recordings = fields["recordings"].as_array().context("no list")?;
    let ids = recordings.iter().map(|it| it["lesson"].as_str());
    ids.map(|id| id.map(str::to_owned).context("a recording of no lesson"))
        .collect()
}

fn json(text: &[u8]) -> Result<Value> {
    serde_json::from_slice(text).context("not JSON")
}

fn whole_course() -> Result<Outcome> {
    for lesson in LESSONS {
        tracer::lesson(lesson)?;
    }
    let directory = tracer::open_directory()?;
    let file = directory.path().join("course.json");
    let mut tracer = tracer::command(["run", "all", "--output"])?;
    tracer.arg(&file).args(OPTIONS);
    let output = tracer::wait(tracer.spawn().context("start the tracer")?, LIMIT)?;
    let error = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    ensure!(matches!(code, Some(0 | 3)), "{code:?}: {error}");
    let ids = recorded(&file)?;
    ensure!(ids == LESSONS, "recorded: {ids:?}");
    list_as_json(&file)?;
    let table = claims(&file, "table")?;
    ensure!(
        String::from_utf8_lossy(&output.stdout).ends_with(&*table),
        "run all ends with another list than claims prints:\n{table}"
    );
    let rows = claims(&file, "markdown")?;
    let rows = rows.lines().filter(|line| {
        let number = line.strip_prefix("| ").and_then(|it| it.split(' ').next());
        number.is_some_and(|number| number.parse::<usize>().is_ok())
    });
    ensure!(rows.count() == CLAIMS, "not one row for each claim");
    Ok(Outcome::Passed)
}

/// Every claim that a lesson owns was checked, and no count contradicts it.
fn list_as_json(file: &Path) -> Result<()> {
    let ledger = json(claims(file, "json")?.as_bytes())?;
    let entries = ledger["claims"].as_array().context("no claims")?;
    let numbers: Vec<_> = entries.iter().map(|it| it["claim"].as_u64()).collect();
    let expected: Vec<_> = (1..=CLAIMS as u64).map(Some).collect();
    ensure!(numbers == expected, "claims {numbers:?}");
    for entry in entries {
        let is_owned = entry["lessons"].as_array().is_some_and(|it| !it.is_empty());
        let outcome = entry["outcome"].as_str().unwrap_or_default();
        let may_be: &[&str] = if is_owned {
            &["confirmed", "undecided", "by_source"]
        } else {
            &["no_lesson"]
        };
        ensure!(may_be.contains(&outcome), "{entry:#}");
    }
    Ok(())
}

fn claims(file: &Path, format: &str) -> Result<String> {
    let mut command = tracer::command(["claims", "--format", format])?;
    let output = command.arg(file).output().context("start claims")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "claims --format {format}: {error}");
    String::from_utf8(output.stdout).context("not UTF-8")
}

/// Copies the tracer and the lessons into a folder, where lesson 2 always fails: the tracer looks for
/// lessons beside itself.
fn with_a_broken_lesson(folder: &Path) -> Result<PathBuf> {
    for lesson in LESSONS {
        fs::copy(tracer::lesson(lesson)?, folder.join(lesson)).context("copy of a lesson")?;
    }
    fs::copy("/bin/false", folder.join("lesson-2")).context("copy of false")?;
    let binary = folder.join("mmap-trace");
    fs::copy(tracer::binary()?, &binary).context("copy of the tracer")?;
    Ok(binary)
}

fn cut_short() -> Result<Outcome> {
    let before = Machine::now()?;
    let (programs, work) = (tracer::open_directory()?, tracer::open_directory()?);
    let binary = with_a_broken_lesson(programs.path())?;
    let said = programs.path().join("stderr");
    let file = programs.path().join("course.json");
    let mut tracer = tracer::command_of(&binary, ["run", "all", "--output"]);
    tracer.arg(&file).args(OPTIONS).arg("--work-dir");
    tracer.arg(work.path()).stderr(File::create(&said)?);
    let mut child = tracer.spawn().context("start the tracer")?;
    wait_until_said(&mut child, &said, "\nlesson-3 ")?;
    signal(&child, Signal::SIGINT);
    let output = tracer::wait(child, LIMIT)?;
    let error = fs::read_to_string(&said)?;
    ensure!(
        output.status.code() == Some(2),
        "{}: {error}",
        output.status
    );
    let told = |begin: &str, word: &str| {
        let mut lines = error.lines();
        lines.any(|line| line.starts_with(begin) && line.contains(word))
    };
    ensure!(told("lesson-2 ", "error: "), "{error}");
    ensure!(told("interrupted: ", "lessons were not run"), "{error}");
    let ids = recorded(&file)?;
    let has = |id: &str| ids.iter().any(|it| it == id);
    ensure!(has("lesson-1") && has("lesson-3"), "kept: {ids:?}");
    ensure!(!has(LESSONS[LESSONS.len() - 1]), "not stopped: {ids:?}");
    claims(&file, "table")?;
    before.must_be_as_before()?;
    must_be_empty(work.path())?;
    Ok(Outcome::Passed)
}

/// Waits until a running tracer has printed `words`.
fn wait_until_said(child: &mut Child, file: &Path, words: &str) -> Result<()> {
    let begin = Instant::now();
    loop {
        let said = fs::read_to_string(file)?;
        if said.contains(words) {
            return Ok(());
        }
        let ended = child.try_wait()?;
        if ended.is_some() || begin.elapsed() > LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            bail!("{words:?} was not said ({ended:?}): {said}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
