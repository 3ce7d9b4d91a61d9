//! The lesson as a program: what it can prove about itself without a tracer.

use std::process::Command;

use crate::common::{Row, Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-14");

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

const PAGE: i64 = 4096;

#[test]
fn each_step_takes_the_faults_that_its_stores_need() {
    for size in ["4KiB", "1MiB"] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 20, "{:?}", summary.keys());
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
            assert_eq!(
                summary[name].faults().cast_signed(),
                faults,
                "{size} {name}"
            );
        }
        assert!(summary["read-again"].faults() > 0);
    }
}

#[test]
fn copies_gather_until_the_remap() {
    let row = &run(&["--size", "1MiB", "--only", "between-remaps"])["between-remaps"];
    let copies = |when: &str| row.observed[&format!("copies_bytes.{when}")];
    let gathered = ["before", "after-1", "after-2", "after-3", "after-4"].map(copies);
    assert!(
        gathered.is_sorted_by(|one, next| one < next),
        "{gathered:?}"
    );
    assert_eq!(gathered[4], row.observed["touched_pages"] * PAGE);
    assert_eq!(copies("after-remap"), 0);
}

#[test]
fn one_byte_too_many_moves_a_document() {
    let summary = run(&["--size", "64KiB"]);
    let moved = |name: &str| summary[name].observed["moved"];
    let names = ["set-counter", "grow-in-place", "grow-and-move"];
    assert_eq!(names.map(moved), [0, 0, 1]);
    let copies = |name: &str| summary[name].observed["copies_bytes"] / PAGE;
    assert_eq!(
        names[..2]
            .iter()
            .map(|name| copies(name))
            .collect::<Vec<_>>(),
        [1, 1]
    );
    assert!(copies("grow-and-move") >= 4);
}

#[test]
fn every_kill_ends_as_its_step_decides() {
    let summary = run(&["--size", "4KiB"]);
    let ends = |name: &str| {
        let observed = |row: &Row, end: &str| row.observed[end];
        ["kills", "without_update", "with_update", "broken"]
            .map(|end| observed(&summary[name], end))
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
fn every_scenario_takes_its_store_away() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    run(&["--directory", directory, "--size", "4KiB"]);
    assert_eq!(entries(place.path()), Vec::<std::path::PathBuf>::new());
}

#[test]
fn an_empty_run_enters_everything_and_changes_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 20);
    for (name, row) in &summary {
        assert_eq!((row.operations, row.faults()), (0, 0), "{name}");
    }
    assert_eq!(summary["grow-and-move"].observed["moved"], 0);
    assert_eq!(summary["killed-in-commit"].observed["kills"], 0);
}
