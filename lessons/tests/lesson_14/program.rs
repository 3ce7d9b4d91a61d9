//! The lesson as a program: what it can prove without a tracer.

use std::process::Command;

use crate::common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-14");
const SCENARIOS: usize = 20;
const PAGE_BYTES: i64 = 4096;

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

#[test]
fn each_step_takes_the_faults_of_its_stores() {
    for size in ["4KiB", "1MiB"] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), SCENARIOS, "{:?}", summary.keys());
        let pages = summary["update"].observed["touched_pages"];
        for (name, faults) in [
            ("null", 0),
            ("read", 0),
            ("update", pages),
            ("prepare", 0),
            ("write-journal", 0),
            ("write-data-files", pages),
            ("remap", 0),
            ("write-and-flush", pages),
        ] {
            let taken = summary[name].faults().cast_signed();
            assert_eq!(taken, faults, "{size} {name}");
        }
        assert!(summary["read-again"].faults() > 0);
    }
}

#[test]
fn copies_accumulate_until_the_remap() {
    let row = &run(&["--size", "1MiB", "--only", "between-remaps"])["between-remaps"];
    let copies = |when: &str| row.observed[&format!("copies_bytes.{when}")];
    let groups = ["before", "after-1", "after-2", "after-3", "after-4"].map(copies);
    assert!(groups.is_sorted_by(|one, next| one < next), "{groups:?}");
    assert_eq!(groups[4], row.observed["touched_pages"] * PAGE_BYTES);
    assert_eq!(copies("after-remap"), 0);
}

#[test]
fn a_document_moves_when_it_is_one_byte_too_long() {
    let summary = run(&["--size", "64KiB"]);
    for (name, moved, copied_pages) in [
        ("set-counter", 0, 1..=1),
        ("grow-in-place", 0, 1..=1),
        ("grow-and-move", 1, 4..=i64::MAX),
    ] {
        let observed = &summary[name].observed;
        assert_eq!(observed["moved"], moved, "{name}");
        let copied = observed["copies_bytes"] / PAGE_BYTES;
        assert!(copied_pages.contains(&copied), "{name}: {copied}");
    }
}

#[test]
fn every_kill_ends_as_its_step_decides() {
    let summary = run(&["--size", "4KiB"]);
    let ends = |name: &str| {
        let ends = ["kills", "without_update", "with_update", "broken"];
        ends.map(|end| summary[name].observed[end])
    };
    let [kills, without, with, broken] = ends("killed-no-journal");
    assert_eq!([without, with, broken], [1, 0, kills - 1]);
    assert_eq!(ends("killed-in-update"), [kills, kills, 0, 0]);
    let [kills, without, with, broken] = ends("killed-in-commit");
    assert!(without > 0 && with > 0 && broken == 0 && without + with == kills);
    assert_eq!(summary["killed-in-commit"].observed["unexplained"], 0);
    let [kills, without, with, broken] = ends("killed-in-recovery");
    assert_eq!([without, with, broken], [0, kills, 0]);
}

#[test]
fn every_scenario_removes_its_store() {
    let directory = scratch();
    let path = directory.path().to_str().expect("UTF-8");
    run(&["--directory", path, "--size", "4KiB"]);
    assert!(entries(directory.path()).is_empty());
}

#[test]
fn an_empty_run_enters_every_scenario_and_changes_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), SCENARIOS);
    for (name, row) in &summary {
        assert_eq!((row.operations, row.faults()), (0, 0), "{name}");
    }
    assert_eq!(summary["grow-and-move"].observed["moved"], 0);
    assert_eq!(summary["killed-in-commit"].observed["kills"], 0);
}
