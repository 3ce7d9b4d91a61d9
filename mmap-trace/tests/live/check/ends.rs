//! Lessons that do not end as they should: what was measured is kept, and the reason is said.

use anyhow::{Result, ensure};

use super::play;
use crate::harness::{Outcome, Test};

pub(super) const TESTS: &[Test] = &[
    (
        "a lesson that crashes in a scenario keeps the scenarios before it",
        || cut_off("crash", &[], "SIGABRT"),
    ),
    ("a lesson that fails is reported with its exit code", || {
        cut_off("fail", &[], "exit code 1")
    }),
    (
        "a lesson that is killed is reported with the signal",
        || cut_off("killed", &[], "SIGKILL"),
    ),
    ("a lesson that never ends is ended by --timeout", || {
        cut_off("endless", &["--timeout", "1"], "time limit")
    }),
];

/// Exit code 2, a reason in the recording and on standard error, and the finished scenario whole.
fn cut_off(name: &str, options: &[&str], reason: &str) -> Result<Outcome> {
    let ran = play(name, options)?;
    let error = ran.error();
    ensure!(
        ran.output.status.code() == Some(2),
        "{}: {error}",
        ran.output.status
    );
    ensure!(
        error.contains("error: ") && error.contains(reason),
        "no {reason} in: {error}"
    );
    ensure!(!error.contains("panicked"), "{error}");
    let Some(recording) = ran.recording else {
        anyhow::bail!("no recording: {error}")
    };
    let told = recording.0["incomplete"].as_str().unwrap_or_default();
    ensure!(told.contains(reason), "incomplete: {told}");
    let kept = recording.count("before", "copied_to_user_bytes.other")?;
    ensure!(
        kept == 1000,
        "the scenario before it has {kept} bytes, not 1000"
    );
    let cut = &recording.scenario("cut-off")?["counts"]["syscalls"];
    ensure!(
        cut["value"].is_null() && cut["reason"].is_string(),
        "a cut-off scenario has {cut}"
    );
    Ok(Outcome::Passed)
}
