//! Lesson 10 as a program: what it can prove about itself without a tracer.

mod common;

use std::process::Command;

use common::{Summary, succeed};

/// Ways from a sender to a receiver.
const WAYS: [&str; 7] = [
    "pipe",
    "unix-stream",
    "vmsplice",
    "process-vm-readv",
    "shared-in-place",
    "shared-memcpy",
    "memfd-passed",
];

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-10")).args(arguments))
}

#[test]
fn every_way_delivers_what_was_sent_at_every_size() {
    for (size, bytes) in [
        ("1", 4096),
        ("64KiB", 64 << 10),
        ("1000KiB", 1000 << 10),
        ("5MiB", 5 << 20),
    ] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 12, "{size}: {:?}", summary.keys());
        for way in WAYS {
            let observed = &summary[way].observed;
            let asked = |name: &str| observed[name];
            assert_eq!(asked("errno"), 0, "{size} {way}");
            assert_eq!(asked("received_bytes"), bytes, "{size} {way}");
            assert_eq!(asked("received_sum"), asked("sent_sum"), "{size} {way}");
            assert_eq!(
                asked("sent_sum"),
                summary["pipe"].observed["sent_sum"],
                "{size} {way}"
            );
            let copied = if way == "shared-memcpy" { bytes } else { 0 };
            assert_eq!(asked("user_copied_bytes"), copied, "{size} {way}");
            assert_eq!(
                summary[way].work_bytes,
                bytes.unsigned_abs(),
                "{size} {way}"
            );
        }
    }
}

#[test]
fn a_store_arrives_late_only_if_no_copy_was_made() {
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
    assert_eq!(summary.len(), 12);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        assert!(!row.observed.contains_key("received_bytes"), "{name}");
    }
}
