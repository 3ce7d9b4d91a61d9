//! Counts the output of libtest and of the live tests' harness.

use super::*;

const LIBTEST: &str = "\
running 4 tests
test a::passes ... ok
test b::breaks ... FAILED
test c::later ... ignored, needs a disk
test d::never ... ignored
test result: FAILED. 1 passed; 1 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s";

const HARNESS: &str = "\
test live_copies ... skipped: not root
test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 1.0s";

fn read(text: &str) -> Tally {
    let mut tally = Tally::default();
    text.lines().for_each(|line| tally.read(line));
    tally
}

#[test]
fn closing_lines_of_libtest_and_of_a_harness_add_up() {
    let tally = read(&format!("{LIBTEST}\n{HARNESS}"));
    assert_eq!(tally.sum(), "6 passed, 1 failed, 3 skipped");
}

#[test]
fn every_skip_is_reported_with_its_reason_and_every_failure_by_name() {
    let report = read(&format!("{LIBTEST}\n{HARNESS}")).report();
    let expected = [
        "skipped: c::later (needs a disk)",
        "skipped: d::never (marked #[ignore])",
        "skipped: live_copies (not root)",
        "failed: b::breaks",
    ];
    assert_eq!(report, expected);
}

#[test]
fn a_failure_is_reported_with_the_output_of_either_harness() {
    let libtest = "\
test a::breaks ... FAILED
test b::passes ... ok
test c::breaks ... FAILED

failures:

---- a::breaks stdout ----
it was 5
not 4

---- c::breaks stdout ----
no disk

failures:
    a::breaks
    c::breaks

test result: FAILED. 1 passed; 2 failed; 0 ignored
all of it is over";
    let harness = "\
test claims ... FAILED

8 counted, 9 wanted

test faults ... ok
a remark
test result: FAILED. 1 passed; 1 failed; 0 ignored";
    let mut tally = read(libtest);
    tally.absorb("Linux 6.12", read(harness));
    let expected = [
        "Linux 6.12: 1 passed, 1 failed, 0 skipped",
        "failed: a::breaks\n    it was 5\n    not 4",
        "failed: c::breaks\n    no disk",
        "failed: Linux 6.12: claims\n    8 counted, 9 wanted",
    ];
    assert_eq!(tally.report(), expected);
}

#[test]
fn a_check_counts_as_one_test() {
    let mut tally = Tally::default();
    tally.add_check("format", true);
    tally.add_check("lints", false);
    assert_eq!(tally.sum(), "1 passed, 1 failed, 0 skipped");
}

#[test]
fn tests_in_other_kernels_are_added_under_the_kernels_name() {
    let mut tally = read(HARNESS);
    tally.absorb("Linux 6.12", read(LIBTEST));
    assert_eq!(tally.sum(), "6 passed, 1 failed, 3 skipped");
    let expected = [
        "skipped: live_copies (not root)",
        "skipped: Linux 6.12: c::later (needs a disk)",
        "skipped: Linux 6.12: d::never (marked #[ignore])",
        "Linux 6.12: 1 passed, 1 failed, 2 skipped",
        "failed: Linux 6.12: b::breaks",
    ];
    assert_eq!(tally.report(), expected);
}

#[test]
fn a_binary_without_a_result_is_one_more_failure() {
    let mut tally = read(LIBTEST);
    tally.close(2, false);
    assert_eq!(tally.failed(), 2);
}

#[test]
fn tests_that_do_not_build_are_a_failure() {
    let mut tally = Tally::default();
    tally.close(0, false);
    assert_eq!(tally.failed(), 1);
}

#[test]
fn a_success_adds_no_failure() {
    let mut tally = read(HARNESS);
    tally.close(1, true);
    assert_eq!(tally.sum(), "5 passed, 0 failed, 1 skipped");
}

#[test]
fn in_ci_a_skip_fails_unless_the_list_names_it() {
    let mut tally = read(&format!("{LIBTEST}\n{HARNESS}"));
    tally.judge_skips(&Allowed::parse("live_copies: no root in this CI\n").unwrap());
    assert_eq!(tally.sum(), "6 passed, 3 failed, 1 skipped");
    let report = tally.report().join("\n");
    assert!(
        report.contains("skip allowed: live_copies (no root in this CI)"),
        "{report}"
    );
    assert!(
        report.contains("c::later was skipped (needs a disk)"),
        "{report}"
    );
}

#[test]
fn in_ci_a_skip_without_a_name_fails_too() {
    let mut tally = read("test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured");
    tally.judge_skips(&Allowed::parse("").unwrap());
    assert_eq!(tally.sum(), "1 passed, 2 failed, 0 skipped");
}

#[test]
fn similar_lines_are_not_counted() {
    let tally = read("test results vary: 3 passed\nlater: test result: ok. 9 passed\n");
    assert_eq!(tally.sum(), "0 passed, 0 failed, 0 skipped");
}
