//! The power fails: some pages that were not flushed are on the device, and some are not.

use std::fs;
use std::path::Path;

use lessons::data::mix;

use crate::broker::{number, numbers, recover, run};
use crate::common::{entries, scratch};
use crate::reader::beginning_of_log;

const PAGE: usize = 4096;
const SEEDS: u64 = 20;
/// The first message of the broker after the power failure.
const LATER: u64 = 1000;

/// Counts messages from before the power failure that follow those of the broker after it.
fn stale_messages(seed: u64, tail: &[&str]) -> usize {
    let place = scratch();
    let home = place.path().join("store");
    // Records of few lengths, so that new ones often end where old ones began.
    let start = |more: &[&str]| run(&home, &[&["--body", "200"], tail, more].concat());
    start(&["--messages", "200", "--life", "60000"]).killed();
    lose_pages(&home.join("commitlog"), seed);
    let (few, first) = (1 + mix(seed) % 30, LATER.to_string());
    start(&["--messages", &few.to_string(), "--first", &first]).well();
    let log = beginning_of_log(&home);
    let own = log.iter().rposition(|message| number(message) >= LATER);
    log.len() - own.expect("its messages are there") - 1
}

/// A page that never reached the device is zeros.
fn lose_pages(directory: &Path, seed: u64) {
    for file in entries(directory) {
        let mut bytes = fs::read(&file).expect("a log file");
        for (number, page) in bytes.chunks_mut(PAGE).enumerate() {
            if mix(seed << 8 | number as u64).is_multiple_of(3) {
                page.fill(0);
            }
        }
        fs::write(&file, bytes).expect("writable");
    }
}

#[test]
fn old_messages_come_back_only_if_the_tail_is_kept() {
    let stale =
        |tail: &[&str]| -> usize { (0..SEEDS).map(|seed| stale_messages(seed, tail)).sum() };
    // The reader checks checksum and place of each message, so neither gives an old one away.
    assert!(stale(&["--keep-tail"]) > 0);
    assert_eq!(stale(&[]), 0);
}

#[test]
fn recovery_after_a_power_failure_keeps_a_prefix_of_the_log() {
    let mut lost = 0;
    for seed in 0..SEEDS {
        let place = scratch();
        let home = place.path().join("store");
        run(&home, &["--messages", "200", "--life", "60000"]).killed();
        let before = beginning_of_log(&home);
        lose_pages(&home.join("commitlog"), seed);
        let after = recover(&home, &[]).messages;
        assert!(before.starts_with(&after), "{seed}");
        lost += before.len() - numbers(&after).len();
    }
    assert!(lost > 0);
}
