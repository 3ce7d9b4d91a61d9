//! Tests lesson 6 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-6");

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

/// Whether in at least one of four attempts nobody had everything written.
fn is_unperturbed(summary: &Summary, name: &str) -> bool {
    summary[name].observed["bystander_dirty_pages"] == 1
}

#[test]
fn stores_fault_once_per_page_and_sync_and_pwrite_never_faults() {
    for (size, pages) in [("4KiB", 1_u64), ("1MiB", 256)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 17, "{:?}", summary.keys());
        for (name, expected) in [
            ("store-1", pages),
            ("store-8", pages),
            ("store-64", pages),
            ("store-rounds", 4 * pages),
            ("store-rounds-one-sync", pages),
            ("few-stores-small", pages.div_ceil(64)),
            ("pwrite-1", 0),
            ("pwrite-8", 0),
            ("pwrite-64", 0),
            ("pwrite-rounds", 0),
            ("few-pwrites-small", 0),
            ("few-pwrites-large", 0),
            ("few-pwrites-cold", 0),
        ] {
            if is_unperturbed(&summary, name) {
                assert_eq!(summary[name].faults(), expected, "{name} of {pages}");
            }
        }
    }
}

#[test]
fn both_methods_do_the_same_work() {
    let summary = run(&["--size", "1MiB"]);
    for (one, other, operations) in [
        ("store-1", "pwrite-1", 256),
        ("store-8", "pwrite-8", 8 * 256),
        ("store-64", "pwrite-64", 64 * 256),
        ("store-rounds", "pwrite-rounds", 4 * 256),
        ("few-stores-small", "few-pwrites-small", 4),
        ("few-stores-large", "few-pwrites-large", 4),
        ("few-stores-cold", "few-pwrites-cold", 4),
    ] {
        for name in [one, other] {
            assert_eq!(summary[name].operations, operations, "{name}");
            assert_eq!(summary[name].work_bytes, 8 * operations, "{name}");
        }
    }
    assert_eq!(summary["one-store-large"].operations, 1);
}

#[test]
fn files_are_as_cold_or_warm_as_they_should_be() {
    for (name, row) in run(&["--size", "1MiB"]) {
        if name != "null" {
            let wanted = if name.ends_with("-cold") { 0 } else { 256 };
            assert_eq!(row.observed["resident_pages_before"], wanted, "{name}");
        }
    }
}

#[test]
fn a_scenario_run_alone_leaves_no_files() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    let only = "few-stores-large";
    let summary = run(&["--directory", directory, "--size", "256KiB", "--only", only]);
    assert_eq!(summary.keys().collect::<Vec<_>>(), [only]);
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}

#[test]
fn an_empty_run_enters_every_scenario_and_does_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 17);
    for (name, row) in &summary {
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (1, 0, 0, 0), "{name}");
    }
}
