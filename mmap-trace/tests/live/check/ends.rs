//! Lessons that end abnormally: the recording keeps what was measured and says why it is incomplete.

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
        "a lesson that is killed is reported with its signal",
        || cut_off("killed", &[], "SIGKILL"),
    ),
    ("--timeout ends a lesson that never ends", || {
        cut_off("endless", &["--timeout", "1"], "time limit")
    }),
];

/// Exit code 2, a reason in the recording and on standard error, and the complete counts of the scenario
/// that finished before.
fn cut_off(name: &str, options: &[&str], reason: &str) -> Result<Outcome> {
    let ran = play(name, options)?;
    let error = ran.must_exit_with(2)?;
    ensure!(
        error.contains("error: ") && error.contains(reason),
        "no {reason} in: {error}"
    );
    ensure!(!error.contains("panicked"), "{error}");
    let Some(recording) = ran.recording else {
        anyhow::bail!("no recording: {error}")
    };
    let incomplete = recording.0["incomplete"].as_str().unwrap_or_default();
    ensure!(incomplete.contains(reason), "incomplete: {incomplete}");
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
