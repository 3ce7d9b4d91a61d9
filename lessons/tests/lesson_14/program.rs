//! The lesson as a program: what it can prove without a tracer.

use std::process::Command;

use crate::common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-14");
const SCENARIOS: usize = 20;

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
