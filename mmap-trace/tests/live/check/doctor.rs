//! The doctor's report, compared with what a run really uses.

use std::{
    os::unix::process::CommandExt as _,
    process::{Command, Output},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    harness::{Outcome, Test},
    oracle, tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "the doctor names the probes that a run then uses, and its exit code says whether any is missing",
        same_probes,
    ),
    (
        "the doctor works without capabilities and without /proc and /sys",
        deprived,
    ),
];

pub(super) const TEXT: &[Test] = &[(
    "the doctor's text fits into 80 columns and does not reveal whose machine it is",
    fit_to_paste,
)];

fn doctor(options: &[&str]) -> Result<Output> {
    let mut command = tracer::command([&["doctor"], options].concat())?;
    command.output().context("start the doctor")
}

fn report(output: &Output) -> Result<Value> {
    serde_json::from_slice(&output.stdout).context("the report is not JSON")
}

fn same_probes() -> Result<Outcome> {
    let output = doctor(&["--format", "json"])?;
    let report = report(&output)?;
    let metrics = report["counting"]["metrics"]
        .as_array()
        .context("no metrics")?;
    let run = tracer::run("lesson-1".as_ref(), &["--only", "null", "--size", "1MiB"])?.expect()?;
    let used = run.0["metrics"].as_array().context("no metrics")?;
    ensure!(metrics.len() == used.len());
    for (named, used) in metrics.iter().zip(used) {
        ensure!(
            named["metric"] == used["name"]
                && named["probe"] == used["probe"]
                && named["grade"] == used["grade"]
                && named["is_calibrated"] == (used["state"] == "calibrated"),
            "the doctor names {named}, the run uses {used}"
        );
    }
    let all = metrics.iter().all(|metric| !metric["probe"].is_null());
    let (sum, code) = if all { ("everything", 0) } else { ("some", 3) };
    ensure!(report["sum"] == sum && output.status.code() == Some(code));
    Ok(Outcome::Passed)
}

fn fit_to_paste() -> Result<Outcome> {
    let home = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let shown = home.path().to_string_lossy().into_owned();
    let mut command = tracer::command(["doctor", "--work-dir", &shown])?;
    let output = command
        .env("HOME", &shown)
        .output()
        .context("start the doctor")?;
    let text = String::from_utf8_lossy(&output.stdout);
    // A command is not wrapped, so that it can be copied.
    let long = text
        .lines()
        .find(|line| line.chars().count() > 80 && !line.contains("run: "));
    ensure!(long.is_none(), "{long:?}");
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").context("hostname")?;
    ensure!(text.contains("under ~"), "{text}");
    ensure!(
        !text.contains(&shown),
        "it reveals a home directory:\n{text}"
    );
    let named = text
        .split(|c: char| !c.is_alphanumeric() && !"-.".contains(c))
        .any(|word| word == host.trim());
    ensure!(!named, "it reveals the host name:\n{text}");
    Ok(Outcome::Passed)
}

/// In a mount namespace of its own, where both are hidden behind empty file systems.
fn deprived() -> Result<Outcome> {
    let hide = "mount -t tmpfs none /sys && mount -t tmpfs none /proc && exec \"$@\"";
    if let Some(reason) = ["unshare", "mount", "setpriv"]
        .iter()
        .find_map(|it| oracle::missing(it))
    {
        return Ok(Outcome::Skipped(reason));
    }
    let binary = tracer::binary()?;
    for (what, words) in [
        (
            "no /proc and /sys",
            &["unshare", "--mount", "sh", "-c", hide, "sh"][..],
        ),
        (
            "no capabilities",
            &["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"],
        ),
    ] {
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .arg(&binary)
            .args(["doctor", "--format", "json"]);
        let output = command
            .process_group(0)
            .output()
            .context("start the doctor")?;
        let error = String::from_utf8_lossy(&output.stderr);
        let report = report(&output).with_context(|| format!("{what}: {error}"))?;
        ensure!(
            output.status.code() == Some(2),
            "{what}: {}: {error}",
            output.status
        );
        ensure!(report["sum"] == "nothing", "{what}: {}", report["sum"]);
        let refused = &report["counting"]["trial"]["refused"];
        ensure!(
            refused.as_str().is_some_and(|it| !it.is_empty()),
            "{what}: {refused}"
        );
        for section in report["sections"].as_array().context("no sections")? {
            for finding in section["findings"].as_array().context("no findings")? {
                ensure!(
                    finding["mend"].is_null() == (finding["level"] == "ok"),
                    "{what}: {finding}"
                );
            }
        }
    }
    Ok(Outcome::Passed)
}
