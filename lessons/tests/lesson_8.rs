//! Lesson 8 as a program: what can be tested without a tracer.

mod common;

use std::process::Command;

use common::{Summary, succeed};

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-8")).args(arguments))
}

/// Each scenario, and whether `read`, a shared and a private view show the store.
const SEEN: [(&str, [bool; 3]); 5] = [
    ("shared-store", [true, true, true]),
    ("private-store", [false, false, true]),
    ("other-process-stores", [true, true, true]),
    ("write-after-load", [true, true, true]),
    ("write-after-store", [true, true, false]),
];

#[test]
fn each_view_shows_the_store_in_all_pages_or_in_none() {
    for (size, pages) in [("1", 1), ("12KiB", 3), ("1000KiB", 250)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 9, "{size}: {:?}", summary.keys());
        for (name, seen) in SEEN {
            let observed = &summary[name].observed;
            let views = [
                "seen_by_read_pages",
                "seen_shared_pages",
                "seen_private_pages",
            ];
            let expected = seen.map(|seen| if seen { pages } else { 0 });
            assert_eq!(views.map(|view| observed[view]), expected, "{size} {name}");
        }
        let other = &summary["other-process-stores"].observed;
        assert_eq!(other["seen_at_once_pages"], pages, "{size}");
    }
}

#[test]
fn first_stores_take_a_fault_and_second_stores_none() {
    let summary = run(&["--size", "1MiB"]);
    for (name, faults) in [
        ("null", 0),
        ("shared-store", 256),
        ("private-store", 256),
        ("write-after-load", 0),
        ("write-after-store", 0),
        ("one-page-everywhere", 2),
        ("first-private-store", 1),
        ("second-private-store", 0),
    ] {
        assert_eq!(summary[name].faults(), faults, "{name}");
    }
    let growth = |name: &str| summary[name].observed["anonymous_growth_bytes"];
    assert!(growth("private-store") >= 1 << 20);
    assert!(growth("shared-store") < 64 << 10);
}

#[test]
fn without_a_tracer_frames_are_unknown_and_the_errno_says_why() {
    let summary = run(&["--size", "4KiB"]);
    for name in [
        "one-page-everywhere",
        "first-private-store",
        "second-private-store",
    ] {
        let observed = &summary[name].observed;
        assert_eq!(observed["frame_errno"], i64::from(libc::ENOSYS), "{name}");
        assert!(!observed.keys().any(|key| key.starts_with("frame_before")));
        assert!(!observed.keys().any(|key| key.starts_with("frame.")));
    }
}

#[test]
fn an_empty_run_stores_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 9);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        let read = row.observed.get("seen_by_read_pages");
        assert_eq!(read.copied().unwrap_or(0), 0, "{name}");
    }
}
