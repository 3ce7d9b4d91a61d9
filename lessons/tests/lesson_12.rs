//! Lesson 12 as a program: what can be tested without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-12");

/// Rounds of each scenario.
const ROUNDS: u64 = 21;

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

#[test]
fn every_round_passes_whole_messages_without_a_fault() {
    let summary = run(&["--size", "4MiB"]);
    // Six sizes by read and by TCP, four by UDP, three scenarios without the copy, and null.
    assert_eq!(summary.len(), 20, "{:?}", summary.keys());
    for (name, row) in summary.iter().filter(|(name, _)| *name != "null") {
        assert_eq!(row.rounds, ROUNDS, "{name}");
        assert_eq!(row.faults(), 0, "{name}");
        let (_, size) = name.rsplit_once('-').expect("way and size");
        let bytes = match size.strip_suffix('k') {
            Some(kib) => kib.parse::<u64>().expect("a number") << 10,
            None if size == "1m" => 1 << 20,
            None => size.parse().expect("a number"),
        };
        assert!(row.operations > 0, "{name}");
        assert_eq!(row.work_bytes, row.operations * bytes, "{name}");
    }
}

#[test]
fn scenarios_without_the_copy_pass_the_same_messages() {
    let summary = run(&["--size", "4MiB"]);
    for (with, without) in [
        ("read-60k", "sendfile-60k"),
        ("tcp-60k", "tcp-discard-60k"),
        ("udp-60k", "udp-discard-60k"),
    ] {
        let (with, without) = (&summary[with], &summary[without]);
        assert_eq!(with.operations, without.operations);
        assert_eq!(with.work_bytes, without.work_bytes);
    }
}

#[test]
fn a_single_scenario_runs_all_its_rounds_and_leaves_no_files() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    for only in ["read-64", "tcp-1m", "sendfile-60k"] {
        let summary = run(&["--directory", directory, "--size", "4MiB", "--only", only]);
        assert_eq!(summary.keys().collect::<Vec<_>>(), [only]);
        assert_eq!(summary[only].rounds, ROUNDS);
        assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
    }
}

#[test]
fn an_empty_run_plays_every_round_and_passes_nothing() {
    for (name, row) in run(&["--size", "4MiB", "--empty"]) {
        let rounds = if name == "null" { 1 } else { ROUNDS };
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (rounds, 0, 0, 0), "{name}");
    }
}
