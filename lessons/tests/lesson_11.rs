//! Lesson 11 as a program: what can be tested without a tracer.

mod common;

use std::process::Command;

use common::{Summary, succeed};

/// Scenarios that bring the whole file to the receiver.
const WAYS: [&str; 7] = [
    "read-write-4k",
    "read-write",
    "mmap-write",
    "mmap-write-populated",
    "sendfile",
    "splice",
    "zerocopy",
];

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-11")).args(arguments))
}

#[test]
fn every_way_delivers_the_file_at_every_size() {
    for (size, bytes) in [
        ("1", 4096),
        ("64KiB", 64 << 10),
        ("1000KiB", 1000 << 10),
        ("5MiB", 5 << 20),
    ] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 10, "{size}: {:?}", summary.keys());
        for way in WAYS {
            let observed = &summary[way].observed;
            assert_eq!(observed["received_bytes"], bytes, "{size} {way}");
            assert_eq!(observed["received_what_was_sent"], 1, "{size} {way}");
        }
    }
}

#[test]
fn the_error_queue_reports_every_zerocopy_send() {
    let observed = &run(&["--only", "zerocopy"])["zerocopy"].observed;
    let reported = observed["sends_copied"] + observed["sends_not_copied"];
    assert!(observed["sends"] >= 256, "{observed:?}");
    assert_eq!(reported, observed["sends"]);
}

#[test]
fn a_late_store_arrives_only_if_the_kernel_made_no_copy() {
    let summary = run(&["--size", "4KiB"]);
    assert_eq!(summary["write-then-store"].observed["late_bytes"], 0);
    let row = &summary["sendfile-then-store"];
    assert_eq!(row.observed["late_bytes"].unsigned_abs(), row.work_bytes);
}
