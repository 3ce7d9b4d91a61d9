//! Tests lesson 2 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Row, Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-2");

/// Scenarios in which loads race with the disk, so that the number of faults depends on the disk too.
const RACING: [&str; 4] = ["map-hole", "cold-touch", "madvise-sequential", "populate"];

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

#[test]
fn files_are_as_cold_or_warm_as_they_should_be() {
    let summary = run(&["--size", "1MiB"]);
    assert_eq!(summary.len(), 15, "{:?}", summary.keys());
    for (name, row) in &summary {
        let warm = ["one-load-warm", "warm-touch", "touch-every-byte"];
        let is_warm = warm.contains(&name.as_str()) || name == "large-folios";
        if let Some(resident) = row.observed.get("resident_pages_before") {
            let expected = if is_warm || name == "page-offsets" {
                256
            } else {
                0
            };
            assert_eq!(*resident, expected, "{name}");
        }
    }
}

#[test]
fn a_mapping_reads_nothing_and_the_first_load_faults_once() {
    let summary = run(&["--size", "1MiB"]);
    assert_eq!(summary["map-untouched"].faults(), 0);
    assert_eq!(summary["map-untouched"].observed["resident_pages_after"], 0);
    assert_eq!(summary["one-load-cold"].major_faults, 1);
    assert_eq!(summary["one-load-cold"].minor_faults, 0);
    assert_eq!(summary["one-load-warm"].major_faults, 0);
    assert_eq!(summary["one-load-warm"].minor_faults, 1);
    for name in ["one-load-cold", "one-load-warm"] {
        assert_eq!(summary[name].observed["value_is_the_files"], 1, "{name}");
    }
}

#[test]
fn a_file_without_blocks_can_be_mapped() {
    let row = &run(&["--only", "map-hole"])["map-hole"];
    assert_eq!(row.observed["disk_blocks_before"], 0);
    assert_eq!(row.observed["disk_blocks_after"], 0);
    assert_eq!(row.observed["all_zeros"], 1);
    assert!(row.faults() >= 1);
}

#[test]
fn faults_follow_from_pages_windows_and_folios() {
    let summary = run(&["--size", "4MiB"]);
    let faults = |name: &str| summary[name].faults();
    assert_eq!(faults("cold-read"), 0);
    assert_eq!(summary["madvise-random"].major_faults, 1024);
    assert_eq!(faults("madvise-random"), 1024);
    assert_eq!(summary["warm-touch"].major_faults, 0);
    assert!((1..=1024).contains(&faults("warm-touch")));
    assert_eq!(faults("touch-every-byte"), faults("warm-touch"));
    assert!((1..=faults("warm-touch")).contains(&faults("large-folios")));
    for name in RACING {
        assert!((1..=1024).contains(&faults(name)), "{name}");
    }
    assert_eq!(summary["populate"].major_faults, 0);
}

#[test]
fn passes_see_the_same_bytes() {
    let summary = run(&["--size", "1MiB"]);
    let sums: Vec<i64> = summary
        .iter()
        .filter(|(name, _)| *name != "touch-every-byte")
        .filter_map(|(_, row)| row.observed.get("sum").copied())
        .collect();
    assert_eq!(sums.len(), 6);
    assert!(sums.iter().all(|sum| *sum == sums[0]), "{sums:?}");
}

#[test]
fn mappings_begin_and_end_at_page_boundaries() {
    let summary = run(&["--size", "4KiB"]);
    let byte = &summary["one-byte-mapping"];
    assert_eq!(
        byte.observed["maps_line_bytes"],
        byte.work_bytes.cast_signed()
    );
    assert_eq!(byte.observed["first_byte_is_the_files"], 1);
    assert_eq!(byte.observed["zeros_behind_the_end"], 1);
    assert_eq!(byte.faults(), 1);
    let offsets = &summary["page-offsets"].observed;
    for (name, errno) in [
        ("one-byte", 22),
        ("half-a-page", 22),
        ("a-page-less-one", 22),
        ("one-page", 0),
    ] {
        assert_eq!(offsets[&format!("errno.{name}")], errno, "{name}");
    }
}

#[test]
fn the_smallest_size_works_and_leaves_no_files() {
    let place = scratch();
    let directory = place.path().to_str().expect("UTF-8");
    let summary = run(&["--directory", directory, "--size", "1"]);
    assert_eq!(summary["cold-touch"].faults(), 1);
    assert_eq!(summary["cold-read"].operations, 2);
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_scenario_run_alone_counts_the_same() {
    let all = run(&["--size", "1MiB"]);
    for (name, among) in &all {
        let alone = run(&["--size", "1MiB", "--only", name]);
        assert_eq!(alone.keys().collect::<Vec<_>>(), [name]);
        assert_eq!(alone[name].operations, among.operations, "{name}");
        if is_steady(name) {
            assert_eq!(alone[name].faults(), among.faults(), "{name}");
        }
    }
}

#[test]
fn an_empty_run_enters_every_scenario_and_does_nothing() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 15);
    for (name, row) in &summary {
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (1, 0, 0, 0), "{name}");
    }
}

#[test]
fn ten_runs_agree_on_every_steady_fault() {
    let faults = |summary: Summary| -> Vec<(String, u64)> {
        let steady = summary.into_iter().filter(|(name, _)| is_steady(name));
        steady
            .map(|(name, row): (String, Row)| (name, row.faults()))
            .collect()
    };
    let first = faults(run(&["--size", "1MiB"]));
    for _ in 1..10 {
        assert_eq!(faults(run(&["--size", "1MiB"])), first);
    }
}

/// Whether a scenario's faults repeat. Large folios need free memory in large pieces, which the kernel may lack.
fn is_steady(name: &str) -> bool {
    !RACING.contains(&name) && name != "large-folios"
}
