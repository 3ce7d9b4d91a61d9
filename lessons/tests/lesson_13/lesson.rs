//! What the lesson observes without a tracer.

use std::process::Command;

use crate::common::{Summary, succeed};

/// The null scenario among them.
const SCENARIOS: usize = 21;

fn run(arguments: &[&str]) -> Summary {
    succeed(Command::new(env!("CARGO_BIN_EXE_lesson-13")).args(arguments))
}

#[test]
fn answers_and_recoveries_are_complete_at_every_size() {
    for size in ["1", "64KiB", "1000KiB", "3MiB"] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), SCENARIOS, "{size}: {:?}", summary.keys());
        let observed = |name: &str, what: &str| summary[name].observed[what].unsigned_abs();
        for (name, copies) in [
            ("answer-heap", 2),
            ("answer-mmap", 0),
            ("answer-sendfile", 0),
            ("timed-heap", 2),
            ("timed-mmap", 0),
            ("timed-gathered", 0),
            ("timed-sendfile", 0),
        ] {
            let row = &summary[name];
            let (bytes, messages) = (row.work_bytes / row.rounds, row.operations / row.rounds);
            assert_eq!(
                observed(name, "received_messages"),
                messages,
                "{size} {name}"
            );
            assert_eq!(observed(name, "damaged_messages"), 0, "{size} {name}");
            let copied = observed(name, "user_copied_bytes");
            assert_eq!(copied, copies * bytes, "{size} {name}");
        }
        let found = observed("dispatch", "found_messages");
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
    let faults = |name: &str| summary[name].faults();
    assert!(faults("append-mmap") > 0);
    assert_eq!(faults("append-flushed"), faults("append-mmap"));
    assert_eq!(faults("append-buffer"), 0);
    if summary["append-warmed"].observed["bystander_dirty_pages"] == 1 {
        assert_eq!(faults("append-warmed"), 0);
    }
}

#[test]
fn an_empty_run_appends_nothing_and_kills_nobody() {
    let summary = run(&["--size", "1MiB", "--empty"]);
    assert_eq!(summary.len(), SCENARIOS);
    for (name, row) in &summary {
        assert_eq!((row.work_bytes, row.faults()), (0, 0), "{name}");
        assert!(!row.observed.contains_key("killed_by_signal"), "{name}");
    }
}
