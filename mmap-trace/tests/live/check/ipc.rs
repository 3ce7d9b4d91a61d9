//! Lesson 10: what a message costs in the sender, and what in the receiver.

use std::ffi::OsStr;

use anyhow::{Result, ensure};

use crate::{
    harness::{Outcome, Test},
    tracer,
};

pub(super) const TESTS: &[Test] = &[
    ("copies between processes stand in the right row", || {
        rows("5MiB", 5 << 20)
    }),
    ("so they do for a single page", || rows("4KiB", 4096)),
];

/// Scenario; bytes that the sender and the receiver copy, for so many bytes sent.
type Row = (&'static str, fn(u64) -> u64, fn(u64) -> u64);

const ROWS: [Row; 7] = [
    ("pipe", all, all),
    ("unix-stream", all, all),
    ("vmsplice", none, all),
    ("process-vm-readv", none, all),
    ("shared-in-place", none, none),
    ("shared-memcpy", none, none),
    ("memfd-passed", one, one),
];

fn all(bytes: u64) -> u64 {
    bytes
}

fn none(_: u64) -> u64 {
    0
}

fn one(_: u64) -> u64 {
    1
}

/// Every role has its row, the zeros too.
fn rows(size: &str, bytes: u64) -> Result<Outcome> {
    tracer::lesson("lesson-10")?;
    let recording = tracer::run(OsStr::new("lesson-10"), &["--size", size])?.expect()?;
    let mut wrong = Vec::new();
    for (scenario, sent, received) in ROWS {
        for (key, wanted) in [
            ("sender:copied_from_user_bytes", sent(bytes)),
            ("sender:copied_to_user_bytes", 0),
            ("receiver:copied_from_user_bytes", 0),
            ("receiver:copied_to_user_bytes", received(bytes)),
            ("main:copied_from_user_bytes", 0),
            ("main:copied_to_user_bytes", 0),
        ] {
            match recording.count(scenario, key) {
                Ok(counted) if counted == wanted => {}
                Ok(counted) => wrong.push(format!("{scenario}: {key} is {counted}, not {wanted}")),
                Err(error) => wrong.push(format!("{error:#}")),
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(Outcome::Passed)
}
