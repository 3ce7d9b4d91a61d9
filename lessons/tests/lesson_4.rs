//! Tests lesson 4 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-4");

/// Rounds of each scenario.
const ROUNDS: u64 = 11;

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

#[test]
fn the_sweep_ends_at_the_size_that_was_asked_for() {
    for (size, scenarios) in [("4KiB", 5), ("64KiB", 13), ("1MiB", 21)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), scenarios, "{size}: {:?}", summary.keys());
    }
}

#[test]
fn both_methods_use_the_same_bytes_equally_often() {
    let summary = run(&["--size", "1MiB"]);
    for (name, read) in &summary {
        let Some(size) = name.strip_prefix("read-") else {
            continue;
        };
        let map = &summary[&format!("map-{size}")];
        assert_eq!((read.rounds, map.rounds), (ROUNDS, ROUNDS), "{size}");
        assert_eq!(read.operations, map.operations, "{size}");
        assert_eq!(read.work_bytes, map.work_bytes, "{size}");
        assert_eq!(read.observed["sum"], map.observed["sum"], "{size}");
        let bytes = read.observed["file_bytes"].unsigned_abs();
        assert_eq!(read.work_bytes, read.operations * bytes, "{size}");
    }
}

#[test]
fn reads_never_fault_and_mappings_of_one_page_fault_once() {
    let summary = run(&["--size", "64KiB"]);
    for (name, row) in &summary {
        if name.starts_with("read-") {
            assert_eq!(row.faults(), 0, "{name}");
        } else if name.starts_with("map-") {
            assert_eq!(row.major_faults, 0, "{name}");
            let faults = row.minor_faults;
            assert!(faults >= row.operations, "{name}: {faults}");
        }
    }
    // One page takes one fault, whatever the fault-around window.
    for name in ["map-512", "map-4k"] {
        assert_eq!(summary[name].minor_faults, summary[name].operations);
    }
}

#[test]
fn a_scenario_run_alone_has_all_its_rounds_and_leaves_no_files() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    let summary = run(&["--directory", directory, "--only", "map-16k"]);
    assert_eq!(summary.keys().collect::<Vec<_>>(), ["map-16k"]);
    assert_eq!(summary["map-16k"].rounds, ROUNDS);
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_empty_run_enters_every_scenario_and_does_nothing() {
    for (name, row) in run(&["--size", "64KiB", "--empty"]) {
        let rounds = if name == "null" { 1 } else { ROUNDS };
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (rounds, 0, 0, 0), "{name}");
    }
}
