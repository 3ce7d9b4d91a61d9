//! Lesson 10: what a message costs the sender and the receiver.

use std::ffi::OsStr;

use anyhow::Result;

use super::comparison::Comparison;
use crate::{
    harness::{Outcome, Test},
    tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "lesson 10 counts each copy in the role that makes it, for 5 MiB",
        || rows("5MiB", 5 << 20),
    ),
    (
        "lesson 10 counts each copy in the role that makes it, for a single page",
        || rows("4KiB", 4096),
    ),
];

/// A scenario, and the bytes that sender and receiver copy as functions of the bytes sent.
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

/// Compares every role, including those that copy nothing.
fn rows(size: &str, bytes: u64) -> Result<Outcome> {
    tracer::lesson("lesson-10")?;
    let recording = tracer::run(OsStr::new("lesson-10"), &["--size", size])?.expect()?;
    let mut comparison = Comparison::of(&recording);
    for (scenario, sent, received) in ROWS {
        for (key, wanted) in [
            ("sender:copied_from_user_bytes", sent(bytes)),
            ("sender:copied_to_user_bytes", 0),
            ("receiver:copied_from_user_bytes", 0),
            ("receiver:copied_to_user_bytes", received(bytes)),
            ("main:copied_from_user_bytes", 0),
            ("main:copied_to_user_bytes", 0),
        ] {
            comparison.count(scenario, key, wanted);
        }
    }
    comparison.end()?;
    Ok(Outcome::Passed)
}
