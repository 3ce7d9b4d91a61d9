//! Tests lesson 7 as a program, without a tracer.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Summary, entries, scratch, succeed};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lesson-7");

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(PROGRAM).args(arguments))
}

#[test]
fn touches_behind_the_end_raise_sigbus_once_and_do_not_lengthen_the_file() {
    for (size, pages) in [("1", 1), ("12KiB", 3), ("1MiB", 256)] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 11, "{size}: {:?}", summary.keys());
        for name in ["store-past-end", "load-past-end"] {
            let observed = &summary[name].observed;
            assert_eq!(observed["bus_errors"], 1, "{size} {name}");
            assert_eq!(observed["bus_error_page"], pages, "{size} {name}");
            assert_eq!(observed["file_bytes_after"], 4096 * pages, "{size} {name}");
        }
        let cut = &summary["truncate-under-mapping"].observed;
        assert_eq!(cut["bus_errors"], 1, "{size}");
        assert_eq!(cut["bus_error_page"], pages.max(2) - 1, "{size}");
        assert_eq!(cut["byte_after_growing_back"], 0, "{size}");
    }
}

#[test]
fn a_store_behind_the_end_in_the_last_page_succeeds_and_is_lost() {
    let observed = &run(&["--only", "store-in-last-page"])["store-in-last-page"].observed;
    assert_eq!(observed["bus_errors"], 0);
    assert_eq!(observed["byte_in_the_mapping"], 0x5A);
    assert_eq!(observed["byte_in_the_file"], 0);
    assert_eq!(observed["file_bytes_after"], observed["file_bytes_before"]);
}

#[test]
fn all_four_ways_of_appending_leave_the_same_file_at_every_size() {
    for size in ["4KiB", "1000KiB", "3MiB"] {
        let summary = run(&["--size", size]);
        let written = &summary["append-write"];
        assert!(written.operations > 0);
        for name in ["append-remap", "append-segments", "append-map-ahead"] {
            let row = &summary[name];
            for what in ["sum", "file_bytes_after"] {
                assert_eq!(row.observed[what], written.observed[what], "{size} {name}");
            }
            assert_eq!(row.operations, written.operations, "{size} {name}");
        }
        assert_eq!(
            written.observed["file_bytes_after"],
            written.work_bytes.cast_signed()
        );
    }
}

#[test]
fn a_mapping_with_another_one_behind_it_grows_only_by_moving() {
    let observed = &run(&["--only", "remap-blocked"])["remap-blocked"].observed;
    assert_eq!(observed["errno.in-place"], i64::from(libc::ENOMEM));
    assert_eq!(observed["errno.may-move"], 0);
    assert_eq!((observed["moved"], observed["old_place_is_mapped"]), (1, 0));
}

#[test]
fn ftruncate_allocates_no_block() {
    let observed = &run(&["--only", "grow-only", "--size", "1MiB"])["grow-only"].observed;
    assert_eq!(observed["file_bytes_after"], 1 << 20);
    assert_eq!(observed["disk_blocks_after"], 0);
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
    assert_eq!(summary.len(), 11);
    for (name, row) in &summary {
        let counts = (row.rounds, row.work_bytes, row.operations, row.faults());
        assert_eq!(counts, (1, 0, 0, 0), "{name}");
    }
}
