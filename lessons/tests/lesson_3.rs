//! Tests lesson 3 as a program, without a tracer, and the command line that all lessons share.

mod common;

use std::path::PathBuf;
use std::process::Command;

use common::{Row, Summary, entries, fail, scratch, succeed};

fn lesson() -> Command {
    Command::new(env!("CARGO_BIN_EXE_lesson-3"))
}

fn run(arguments: &[&str]) -> Summary {
    succeed(lesson().args(arguments))
}

#[test]
fn every_scenario_delivers_the_same_bytes_at_every_size() {
    for (size, bytes) in [
        ("1", 4096),
        ("12KiB", 12 << 10),
        ("1000KiB", 1000 << 10),
        ("3MiB", 3 << 20),
    ] {
        let summary = run(&["--size", size]);
        assert_eq!(summary.len(), 19, "{size}: {:?}", summary.keys());
        let sums = |name: &str| summary[name].observed["sum"];
        for (name, row) in &summary {
            if row.observed.contains_key("sum") && !name.starts_with("ten-") {
                assert_eq!(sums(name), sums("read-4k"), "{size} {name}");
                assert_eq!(row.work_bytes, bytes, "{size} {name}");
            }
        }
        assert_eq!(sums("ten-reads"), sums("ten-loads"), "{size}");
        assert_eq!(summary["ten-reads"].work_bytes, 10 * bytes, "{size}");
    }
}

#[test]
fn files_are_as_cold_or_warm_as_they_should_be_and_faults_follow_from_that() {
    let summary = run(&["--size", "8MiB"]);
    for (name, row) in &summary {
        let cold = name.ends_with("-cold") || name == "read-after-mmap";
        if let Some(resident) = row.observed.get("resident_pages_before") {
            assert_eq!(*resident, if cold { 0 } else { 2048 }, "{name}");
        }
        let reads = name.starts_with("read") || name.starts_with("write");
        if reads || matches!(name.as_str(), "null" | "fread" | "o-direct" | "ten-reads") {
            assert_eq!(row.faults(), 0, "{name}: {row:?}");
        }
    }
    assert_eq!(
        summary["read-after-mmap"].observed["resident_pages_after_mapping"],
        2048
    );
    assert_eq!(summary["mmap-store"].faults(), 2048);
    assert_eq!(summary["mmap-store"].observed["pages_with_the_store"], 2048);
    let once = summary["mmap-load"].faults();
    assert!((1..=2048).contains(&once));
    for name in ["ten-loads", "mmap-memcpy", "mmap-keep-all"] {
        assert_eq!(summary[name].faults(), once, "{name}");
    }
    for name in ["fread", "mmap-memcpy"] {
        assert_eq!(
            summary[name].observed["user_copied_bytes"],
            8 << 20,
            "{name}"
        );
    }
    let anonymous = |name: &str| summary[name].observed["anonymous_growth_bytes"];
    assert!(anonymous("read-keep-all") >= 8 << 20);
    assert!(anonymous("read-64k") < 1 << 20);
    assert!(anonymous("mmap-keep-all") < 1 << 20);
}

#[test]
fn a_scenario_run_alone_counts_the_same() {
    let all = run(&["--size", "1MiB"]);
    for (name, among) in &all {
        let alone = run(&["--size", "1MiB", "--only", name]);
        assert_eq!(alone.keys().collect::<Vec<_>>(), [name]);
        // How many pages one fault brings in from a device depends on the device too.
        if name != "mmap-load-cold" {
            assert_eq!(alone[name].faults(), among.faults(), "{name}");
            assert_eq!(alone[name].operations, among.operations, "{name}");
        }
    }
}

#[test]
fn an_empty_run_enters_every_scenario_and_does_nothing() {
    let summary = run(&["--size", "1MiB", "--empty"]);
    assert_eq!(summary.len(), 19);
    for (name, row) in &summary {
        assert_eq!(
            (row.rounds, row.work_bytes, row.faults()),
            (1, 0, 0),
            "{name}"
        );
    }
}

#[test]
fn ten_runs_agree_on_every_fault() {
    let faults = |summary: Summary| -> Vec<(String, u64)> {
        let steady = summary
            .into_iter()
            .filter(|(name, _)| name != "mmap-load-cold");
        steady
            .map(|(name, row): (String, Row)| (name, row.faults()))
            .collect()
    };
    let first = faults(run(&["--size", "2MiB"]));
    for _ in 1..10 {
        assert_eq!(faults(run(&["--size", "2MiB"])), first);
    }
}

#[test]
fn wrong_command_lines_are_rejected() {
    let told = fail(lesson().args(["--size", "4KiB", "--only", "read-4kb"]), 2);
    assert!(
        told.contains("no scenario named read-4kb, this lesson has: null, read-4k, "),
        "{told}"
    );
    for (arguments, said) in [
        (&["--size", "0"][..], "at least one byte"),
        (&["--size", "64MB"], "write 64M or 64MiB"),
        (&["--size", "16777216TiB"], "KiB, MiB or GiB"),
        (&["--size", "9007199254740992KiB"], "memory can address"),
        (&["--directory", "/no/such/place"], "/no/such/place"),
        (&["--directory", "/dev/shm"], "tmpfs"),
        (&["--nonsense"], "--nonsense"),
        (&["extra"], "extra"),
    ] {
        let told = fail(lesson().args(arguments), 2);
        assert!(told.contains(said), "{arguments:?}: {told}");
    }
}

#[test]
fn help_names_the_default_size() {
    let output = lesson().arg("--help").output().expect("it starts");
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("64MiB"));
}

#[test]
fn a_file_that_cannot_grow_is_an_error_and_leaves_no_files() {
    let place = scratch();
    // A limit on file sizes simulates a full disk: both make write(2) fail.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1024; trap '' XFSZ; exec \"$@\"", "sh"]);
    command
        .arg(env!("CARGO_BIN_EXE_lesson-3"))
        .arg("--directory")
        .arg(place.path());
    let told = fail(&mut command, 1);
    assert!(told.contains("scenario read-4k: create "), "{told}");
    assert!(told.contains("File too large"), "{told}");
    assert_eq!(entries(place.path()), Vec::<PathBuf>::new());
}
