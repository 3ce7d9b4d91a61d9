//! Lesson 10 as a program: what can be tested without a tracer.

mod common;

use std::process::Command;

use common::{Summary, succeed};

/// Scenarios that carry messages from a sender to a receiver.
const CARRIERS: [&str; 11] = [
    "pipe",
    "unix-stream",
    "vmsplice",
    "process-vm-readv",
    "shared-in-place",
    "shared-memcpy",
    "memfd-passed",
    "pipe-in-turn",
    "vmsplice-in-turn",
    "memfd-in-turn",
    "shared-in-turn",
];

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-10")).args(arguments))
}

#[test]
fn every_carrier_delivers_what_was_sent_at_every_size() {
    for (size, bytes) in [
        ("1", 4096),
        ("64KiB", 64 << 10),
        ("1000KiB", 1000 << 10),
        ("5MiB", 5 << 20),
    ] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 16, "{size}: {:?}", summary.keys());
        let sent_sum = summary["pipe"].observed["sent_sum"];
        for carrier in CARRIERS {
            let row = &summary[carrier];
            let copied = if carrier == "shared-memcpy" { bytes } else { 0 };
            for (name, expected) in [
                ("errno", 0),
                ("received_bytes", bytes),
                ("sent_sum", sent_sum),
                ("received_sum", sent_sum),
                ("user_copied_bytes", copied),
            ] {
                assert_eq!(row.observed[name], expected, "{size} {carrier}: {name}");
            }
            let moved = row.rounds * bytes.unsigned_abs();
            assert_eq!(row.work_bytes, moved, "{size} {carrier}");
        }
    }
}

#[test]
fn scenarios_whose_times_are_compared_have_rounds() {
    let summary = run(&["--size", "64KiB"]);
    for (name, row) in &summary {
        let rounds = if name.ends_with("-in-turn") { 21 } else { 1 };
        assert_eq!(row.rounds, rounds, "{name}");
    }
}

#[test]
fn a_late_store_arrives_only_if_the_kernel_made_no_copy() {
    let summary = run(&["--size", "4KiB"]);
    assert_eq!(summary["write-then-store"].observed["late_bytes"], 0);
    let row = &summary["vmsplice-then-store"];
    assert_eq!(row.observed["late_bytes"].unsigned_abs(), row.work_bytes);
    for name in ["null", "write-then-store", "vmsplice-then-store"] {
        assert_eq!(summary[name].faults(), 0, "{name}");
    }
}

#[test]
fn an_empty_run_starts_no_process() {
    let summary = run(&["--size", "1MiB", "--empty"]);
    assert_eq!(summary.len(), 16);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        assert!(!row.observed.contains_key("received_bytes"), "{name}");
    }
}
