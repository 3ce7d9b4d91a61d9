//! The session page may hold anything: neither the eBPF programs nor the tracer may fail because of it.

use anyhow::{Context as _, Result, ensure};

use super::start_play;
use crate::harness::{Outcome, Pace, Test};

pub(super) const TESTS: &[Test] = &[
    (
        "indexes beyond the tables of the session page are ignored",
        || disturb("counts-too-large", 1),
    ),
    ("a session page of random bytes crashes no run", || {
        disturb("random-bytes", Pace::here().choose(5, 1))
    }),
];

pub(super) const NAMES: &[Test] = &[(
    "names with control characters or invalid UTF-8 are escaped",
    || disturb("wild-names", 1),
)];

fn disturb(name: &str, times: usize) -> Result<Outcome> {
    for format in ["table", "json"].repeat(times) {
        let mut start = start_play(name)?;
        start.command.args(["--color", "never", "--format", format]);
        let ran = start.finish()?;
        let error = ran.error();
        let code = ran.output.status.code();
        ensure!(
            code.is_some_and(|code| code <= 3),
            "{}: {error}",
            ran.output.status
        );
        ensure!(!error.contains("panicked"), "{error}");
        let shown = String::from_utf8(ran.output.stdout).context("standard output is not UTF-8")?;
        for (stream, text) in [("standard output", &shown), ("standard error", &error)] {
            let control = text.chars().find(|&it| is_dangerous(it));
            ensure!(
                control.is_none(),
                "{stream} has {control:?}:\n{}",
                text.escape_debug()
            );
        }
        if format == "json" {
            serde_json::from_str::<serde_json::Value>(&shown)
                .context("standard output is not JSON")?;
        }
        // Random bytes may have overwritten the one good scenario.
        if name != "random-bytes" {
            let recording = ran.recording.context("no recording")?;
            ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
        }
    }
    Ok(Outcome::Passed)
}

/// C0 and C1 control characters, and those that change the direction of writing.
fn is_dangerous(it: char) -> bool {
    (it.is_control() && it != '\n')
        || ('\u{202a}'..='\u{202e}').contains(&it)
        || ('\u{2066}'..='\u{2069}').contains(&it)
}
