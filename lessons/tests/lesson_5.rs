//! Tests lesson 5 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-5");

/// Runs the lesson without half a minute of waiting for the flusher.
fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).arg("--no-wait").args(arguments))
}

#[test]
fn stores_fault_on_clean_pages_only() {
    for (size, pages) in [("4KiB", 1), ("1MiB", 256)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 12, "{:?}", summary.keys());
        for name in [
            "store-only",
            "ms-async",
            "msync",
            "fsync",
            "ten-passes",
            "store-after-msync",
            "flusher",
        ] {
            assert_eq!(summary[name].faults(), pages, "{name}");
        }
        assert_eq!(summary["write-only"].faults(), 0);
        assert_eq!(summary["ten-passes"].operations, 10 * pages);
        // Somebody may have had everything written in between.
        let again = &summary["store-again"];
        if again.observed["bystander_dirty_pages"] == 1 {
            assert_eq!(again.faults(), 0);
        }
    }
}

#[test]
fn pages_stay_dirty_until_somebody_syncs() {
    let summary = run(&["--size", "1MiB"]);
    let observed = |name: &str, what: &str| summary[name].observed[what];
    for name in ["store-only", "ms-async"] {
        if observed(name, "bystander_dirty_pages") == 1 {
            assert_eq!(observed(name, "dirty_pages_after"), 256, "{name}");
        }
    }
    for name in ["msync", "fsync", "ten-passes", "flusher"] {
        assert_eq!(observed(name, "dirty_pages_after"), 0, "{name}");
    }
}

#[test]
fn waking_the_flusher_writes_the_bystander_too_and_leaves_the_delay_open() {
    let row = &run(&["--size", "64KiB", "--only", "flusher"])["flusher"];
    assert_eq!(row.observed["waited"], 0);
    assert_eq!(row.observed["bystander_dirty_pages"], 0);
    assert!(!row.observed.contains_key("flusher_delay_ms"));
    assert!(row.observed["dirty_expire_ms"] > 0);
}

#[test]
fn stores_of_a_killed_process_are_in_the_file_and_after_fsync_on_the_device() {
    let row = &run(&["--size", "1MiB", "--only", "kill-after-store"])["kill-after-store"];
    assert_eq!(row.observed["killed_by_signal"], 9);
    assert_eq!(row.observed["pages_with_the_store"], 256);
    assert_eq!(row.observed["resident_pages_after"], 0);
    assert_eq!(row.observed["pages_on_the_device"], 256);
}

#[test]
fn every_scenario_removes_its_file() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    run(&["--directory", directory, "--size", "64KiB"]);
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_empty_run_enters_every_scenario_and_does_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 12);
    for (name, row) in &summary {
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (1, 0, 0, 0), "{name}");
    }
}
