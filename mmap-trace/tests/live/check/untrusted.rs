//! The session page can hold anything: neither the kernel side nor the tracer may trip over it.

use anyhow::{Context as _, Result, ensure};

use super::start_play;
use crate::harness::{Outcome, Pace, Test};

pub(super) const TESTS: &[Test] = &[
    (
        "numbers beyond the tables of the page are not followed",
        || disturb("counts-too-large", 1),
    ),
    ("a page of random bytes makes no run crash", || {
        disturb("random-bytes", Pace::here().choose(5, 1))
    }),
];

pub(super) const NAMES: &[Test] = &[(
    "names that are no text, or that a terminal would obey, are escaped",
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
        let shown = String::from_utf8(ran.output.stdout).context("standard output is no text")?;
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
                .context("standard output is no JSON")?;
        }
        // Random bytes may have hit the one good scenario.
        if name != "random-bytes" {
            let recording = ran.recording.context("no recording")?;
            ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
        }
    }
    Ok(Outcome::Passed)
}

/// Control characters of both sets, and those that turn the direction of writing.
fn is_dangerous(it: char) -> bool {
    (it.is_control() && it != '\n')
        || ('\u{202a}'..='\u{202e}').contains(&it)
        || ('\u{2066}'..='\u{2069}').contains(&it)
}
