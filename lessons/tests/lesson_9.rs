//! Lesson 9 as a program: what can be tested without a tracer.

mod common;

use std::process::Command;

use common::{Summary, succeed};

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-9")).args(arguments))
}

/// Each scenario, the number of its processes, and whether they keep the file in memory of their own.
const CROWDS: [(&str, i64, bool); 6] = [
    ("one-mapper", 1, false),
    ("two-mappers", 2, false),
    ("crowd-of-mappers", 8, false),
    ("one-reader", 1, true),
    ("two-readers", 2, true),
    ("crowd-of-readers", 8, true),
];

#[test]
fn sums_follow_from_the_number_of_processes_and_the_file() {
    for (size, bytes) in [
        ("8KiB", 8 << 10),
        ("1000KiB", 1000 << 10),
        ("4MiB", 4 << 20),
    ] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 8, "{size}: {:?}", summary.keys());
        for (name, processes, keeps) in CROWDS {
            let observed = &summary[name].observed;
            let all = processes * bytes;
            assert_eq!(observed["agreeing_readers"], processes, "{size} {name}");
            assert_eq!(observed["resident_sum_bytes"], all, "{size} {name}");
            let own = if keeps { all } else { 0 };
            assert_eq!(observed["anonymous_sum_bytes"], own, "{size} {name}");
            let sum = observed["proportional_sum_bytes"];
            let expected = if keeps { all } else { bytes };
            // The kernel rounds the size of each process down to KiB.
            assert!(
                (expected - processes * 1024..=expected).contains(&sum),
                "{size} {name}: {sum}"
            );
        }
        let small = &summary["crowd-with-small-buffers"].observed;
        assert_eq!(small["agreeing_readers"], 8, "{size}");
        assert!(small["anonymous_sum_bytes"] <= 8 * (64 << 10), "{size}");
    }
}

#[test]
fn each_mapper_has_its_own_page_tables() {
    let summary = run(&["--size", "4MiB"]);
    for (name, processes, _) in &CROWDS[..3] {
        let bytes = summary[*name].observed["page_table_sum_bytes"];
        assert!(bytes >= processes * 2 * 4096, "{name}: {bytes}");
    }
}

#[test]
fn an_empty_run_starts_no_process() {
    let summary = run(&["--size", "64KiB", "--empty"]);
    assert_eq!(summary.len(), 8);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        assert!(!row.observed.contains_key("agreeing_readers"), "{name}");
    }
}
