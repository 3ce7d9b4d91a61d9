//! Tests lesson 1 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Row, Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-1");

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

/// Whether the kernel kept the file in memory until the scenario began.
fn is_warm(row: &Row, pages: i64) -> bool {
    row.observed["resident_pages_before"] == pages
}

#[test]
fn reads_and_loads_find_the_same_bytes_at_every_size() {
    for (size, bytes) in [("1", 4096), ("12KiB", 12 << 10), ("3000KiB", 3000 << 10)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 12, "{size}: {:?}", summary.keys());
        let sum = |name: &str| summary[name].observed["sum"];
        for name in ["read-loop", "map-and-load", "map-close-unlink-load"] {
            assert_eq!(sum(name), sum("read-loop"), "{size} {name}");
            assert_eq!(summary[name].work_bytes, bytes, "{size} {name}");
        }
        assert_eq!(summary["read-loop"].operations, bytes.div_ceil(4096) + 1);
        let first = &summary["first-touch"].observed;
        assert_eq!(first["value_is_the_files"], 1, "{size}");
        let store = &summary["map-and-store"].observed;
        assert_eq!(store["read_returns_the_store"], 1, "{size}");
    }
}

#[test]
fn only_touches_of_mappings_fault() {
    let summary = run(&["--size", "1MiB"]);
    for name in [
        "null",
        "read-loop",
        "map-only",
        "map-read-only-write",
        "offset-1",
        "default-layout",
        "legacy-layout",
    ] {
        assert_eq!(summary[name].faults(), 0, "{name}");
    }
    for name in ["first-touch", "map-and-store"] {
        assert_eq!(summary[name].faults(), 1, "{name}");
    }
    let pass = &summary["map-and-load"];
    assert!((1..=256).contains(&pass.faults()), "{pass:?}");
    let deleted = &summary["map-close-unlink-load"];
    if is_warm(pass, 256) && is_warm(deleted, 256) {
        assert_eq!((pass.major_faults, deleted.major_faults), (0, 0));
        assert_eq!(pass.faults(), deleted.faults());
    }
}

#[test]
fn a_mapping_begins_empty_and_the_first_load_makes_pages_resident() {
    let summary = run(&["--size", "1MiB"]);
    let (before, after) = (&summary["map-only"], &summary["first-touch"]);
    assert_eq!(before.observed["resident_kib"], 0);
    assert!((4..=1024).contains(&after.observed["resident_kib"]));
    for row in [before, after] {
        assert_eq!(row.observed["maps_line_covers_it"], 1);
        assert_eq!(row.observed["may_execute"], 0);
    }
}

#[test]
fn a_mapping_outlives_descriptor_and_name() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    let only = "map-close-unlink-load";
    let observed = &run(&["--directory", directory, "--only", only])[only].observed;
    assert_eq!(
        (observed["name_exists"], observed["marked_deleted"]),
        (0, 1)
    );
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}

#[test]
fn rejected_mappings_report_their_errno() {
    let summary = run(&["--size", "4KiB"]);
    let errno = |scenario: &str, by: &str| summary[scenario].observed[&format!("errno.{by}")];
    assert_eq!(errno("map-read-only-write", "shared-read"), 0);
    assert_eq!(errno("map-read-only-write", "shared-write"), 13);
    assert_eq!(errno("map-read-only-write", "private-write"), 0);
    assert_eq!(errno("offset-1", "offset-1"), 22);
}

#[test]
fn page_tables_grow_outside_the_mapping() {
    let row = &run(&["--only", "sparse-touch"])["sparse-touch"];
    let growth = row.observed["page_tables_after_kib"] - row.observed["page_tables_before_kib"];
    assert!(growth >= 64 * 4, "{growth} KiB");
    assert_eq!(row.observed["resident_kib"], 64 * 4);
    assert_eq!(row.faults(), 64);
}

#[test]
fn the_layout_decides_the_order_of_addresses() {
    let summary = run(&["--size", "4KiB"]);
    for (scenario, rising) in [
        ("default-layout", ["program", "heap", "mapping", "stack"]),
        ("legacy-layout", ["mapping", "program", "heap", "stack"]),
    ] {
        let observed = &summary[scenario].observed;
        if observed["personality_errno"] != 0 || observed.get("moved_by_setting") == Some(&1) {
            continue;
        }
        let addresses = rising.map(|name| observed[&format!("{name}_address")]);
        assert!(addresses.is_sorted(), "{scenario}: {observed:?}");
    }
}

#[test]
fn an_unlimited_stack_is_reported() {
    // Where the hard limit forbids it, the limit stays as it was.
    let raised = |then: &str| {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -Ss unlimited 2>&-; {then}"), PROGRAM]);
        shell
    };
    let limit = raised("ulimit -Ss").output().expect("it starts").stdout;
    let summary = succeed(&mut raised("exec \"$0\" --size 4KiB --only default-layout"));
    let moved = summary["default-layout"].observed["moved_by_setting"] == 1;
    assert!(moved || limit != b"unlimited\n");
}

#[test]
fn a_scenario_run_alone_counts_the_same() {
    let all = run(&["--size", "256KiB"]);
    for (name, among) in &all {
        let alone = run(&["--size", "256KiB", "--only", name]);
        assert_eq!(alone.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(alone[name].faults(), among.faults(), "{name}");
        assert_eq!(alone[name].operations, among.operations, "{name}");
    }
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

#[test]
fn ten_runs_agree_on_every_fault() {
    let faults = |summary: Summary| -> Vec<(String, u64)> {
        let rows = summary.into_iter();
        rows.map(|(name, row)| (name, row.faults())).collect()
    };
    let first = faults(run(&["--size", "1MiB"]));
    for _ in 1..10 {
        assert_eq!(faults(run(&["--size", "1MiB"])), first);
    }
}
