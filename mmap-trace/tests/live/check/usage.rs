//! Wrong usage is reported before anything runs.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};

use crate::{
    harness::{Outcome, Test},
    lesson, oracle, tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "an unknown lesson or scenario is refused with the nearest name",
        nearest,
    ),
    (
        "an output path that cannot be written is refused before the run",
        unwritable,
    ),
    ("without root the error gives the command to type", no_root),
];

/// Runs a tracer that must refuse, and returns its standard error.
fn refused(mut tracer: Command, code: i32) -> Result<String> {
    let output = tracer::wait(tracer.spawn().context("start")?, Duration::from_secs(30))?;
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(code),
        "{} instead of {code}: {error}",
        output.status
    );
    ensure!(
        error.contains("error: ") && !error.contains("panicked"),
        "{error}"
    );
    ensure!(
        output.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    Ok(error)
}

fn nearest() -> Result<Outcome> {
    for (arguments, wanted) in [
        (&["run", "lesson-33"][..], "lesson-3"),
        (&["run", "read-vs-mapp"], "read-vs-mmap"),
        (&["run", "lesson-3", "--only", "read-4kk"], "read-4k?"),
    ] {
        let error = refused(tracer::command(arguments)?, 2)?;
        let has_hint = error.contains("did you mean") && error.contains(wanted);
        ensure!(has_hint, "{arguments:?}: no {wanted} in: {error}");
    }
    Ok(Outcome::Passed)
}

fn unwritable() -> Result<Outcome> {
    let directory = tempfile::tempdir().context("tempdir")?;
    let marker = directory.path().join("ran");
    let bad = directory.path().join("missing/recording.json");
    let mut tracer = tracer::command(["exec", "--output"])?;
    tracer.arg(&bad).args(["--", "touch"]).arg(&marker);
    let error = refused(tracer, 125)?;
    ensure!(error.contains("missing/recording.json"), "{error}");
    ensure!(!marker.exists(), "the command was run");

    let folder = lesson::folder()?;
    let mut tracer = tracer::command(["run", "--only", "fail", "--output"])?;
    tracer.arg(&bad).arg(lesson::argument(&folder));
    let error = refused(tracer, 2)?;
    ensure!(!error.contains("on purpose"), "the lesson was run: {error}");

    // A refusal must keep an existing recording.
    let old = directory.path().join("old.json");
    fs::write(&old, "old").context("write")?;
    let mut tracer = tracer::command(["exec", "--output"])?;
    tracer.arg(&old).args(["--", "/no/such/command"]);
    refused(tracer, 127)?;
    ensure!(
        fs::read_to_string(&old)? == "old",
        "the old recording was lost"
    );
    Ok(Outcome::Passed)
}

/// Runs a copy of the tracer as an account that may not load eBPF programs.
fn no_root() -> Result<Outcome> {
    if let Some(reason) = oracle::missing("setpriv") {
        return Ok(Outcome::Skipped(reason));
    }
    let directory = tracer::open_directory()?;
    let binary = directory.path().join("mmap-trace");
    fs::copy(tracer::binary()?, &binary).context("copy")?;
    fs::set_permissions(&binary, fs::Permissions::from_mode(0o755))?;
    for (arguments, code) in [
        (&["run", "lesson-3"][..], 2),
        (&["exec", "--", "true"], 125),
    ] {
        let mut setpriv = Command::new("setpriv");
        setpriv.args([
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
            "--",
        ]);
        setpriv.arg(&binary).args(arguments).current_dir("/");
        setpriv
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let error = refused(setpriv, code)?;
        ensure!(
            error.contains("root") && error.contains("sudo"),
            "{arguments:?}: {error}"
        );
        ensure!(
            arguments.iter().all(|word| error.contains(word)),
            "{arguments:?}: {error}"
        );
    }
    Ok(Outcome::Passed)
}
