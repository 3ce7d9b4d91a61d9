//! The lesson's own observations.

use std::process::Command;

use crate::common::{Summary, succeed};

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-13")).args(arguments))
}

#[test]
fn answers_and_recoveries_are_complete_at_every_size() {
    for size in ["1", "64KiB", "1000KiB", "3MiB"] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 17, "{size}: {:?}", summary.keys());
        let observed = |name: &str, what: &str| summary[name].observed[what];
        for (name, copies) in [
            ("answer-heap", 2),
            ("answer-mmap", 0),
            ("answer-sendfile", 0),
        ] {
            let row = &summary[name];
            assert_eq!(
                observed(name, "received_messages").unsigned_abs(),
                row.operations,
                "{size}"
            );
            assert_eq!(
                observed(name, "received_bytes").unsigned_abs(),
                row.work_bytes,
                "{size}"
            );
            assert_eq!(observed(name, "damaged_messages"), 0, "{size} {name}");
            let copied = observed(name, "user_copied_bytes").unsigned_abs();
            assert_eq!(copied, copies * row.work_bytes, "{size} {name}");
        }
        let found = observed("dispatch", "found_messages").unsigned_abs();
        assert_eq!(found, summary["dispatch"].operations, "{size}");
        for name in ["kill-mmap", "kill-buffer"] {
            assert_eq!(observed(name, "killed_by_signal"), 9, "{size} {name}");
            assert_eq!(observed(name, "abort_file"), 1, "{size} {name}");
        }
        assert_eq!(observed("kill-mmap", "lost_messages"), 0, "{size}");
        assert!(observed("kill-buffer", "lost_messages") > 0, "{size}");
        assert_eq!(observed("stale-kept", "stale_messages"), 5, "{size}");
        assert_eq!(observed("stale-cleared", "stale_messages"), 0, "{size}");
    }
}

#[test]
fn appends_take_the_faults_that_the_warm_up_did_not() {
    let summary = run(&["--size", "1MiB"]);
    for name in [
        "append-mmap",
        "append-warmed",
        "append-flushed",
        "append-buffer",
    ] {
        let row = &summary[name];
        assert_eq!(row.observed["backward_appends"], 0, "{name}");
        assert_eq!(row.observed["jumps"], row.observed["files"] - 1, "{name}");
    }
    assert!(summary["append-mmap"].faults() > 0);
    assert_eq!(
        summary["append-flushed"].faults(),
        summary["append-mmap"].faults()
    );
    if summary["append-warmed"].observed["bystander_dirty_pages"] == 1 {
        assert_eq!(summary["append-warmed"].faults(), 0);
    }
    assert_eq!(summary["append-buffer"].faults(), 0);
}

#[test]
fn an_empty_run_appends_nothing_and_kills_nobody() {
    let summary = run(&["--size", "1MiB", "--empty"]);
    assert_eq!(summary.len(), 17);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        assert!(!row.observed.contains_key("killed_by_signal"), "{name}");
    }
}
