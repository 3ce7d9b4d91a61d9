//! The power goes: of what was not flushed some pages are on the device and some are not.

use std::fs;
use std::path::Path;

use lessons::data::mix;

use crate::broker::{number, numbers, recover, run};
use crate::common::{entries, scratch};
use crate::reader::beginning_of_log;

const PAGE: usize = 4096;
/// The first message of the broker after the power cut.
const LATER: u64 = 1000;

/// Messages from before the power cut that stand behind those of the broker after it.
fn stale(seed: u64, tail: &[&str]) -> Vec<u64> {
    let place = scratch();
    let home = place.path().join("store");
    // Records of few lengths, so that new ones end where old ones began.
    let start = |more: &[&str]| run(&home, &[&["--body", "200"], tail, more].concat());
    start(&["--messages", "200", "--life", "60000"]).killed();
    lose_pages(&home.join("commitlog"), seed);
    let (few, first) = (1 + mix(seed) % 30, LATER.to_string());
    start(&["--messages", &few.to_string(), "--first", &first]).well();
    let log = beginning_of_log(&home);
    let own_end = log.iter().rposition(|message| number(message) >= LATER);
    let own_end = own_end.expect("its messages are there") + 1;
    log[own_end..].iter().map(number).collect()
}

/// Pages that never reached the device are zeros, for nobody has ever written them before.
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
fn a_start_that_keeps_the_old_tail_lets_given_up_messages_come_back() {
    let seeds = (0..20).filter(|seed| !stale(*seed, &["--keep-tail"]).is_empty());
    // The reader looks at checksum and place of each, so neither gives them away.
    assert!(seeds.count() > 0);
}

#[test]
fn a_start_that_clears_the_tail_lets_none_come_back() {
    for seed in 0..20 {
        assert_eq!(stale(seed, &[]), Vec::<u64>::new(), "{seed}");
    }
}

#[test]
fn what_is_left_after_a_power_cut_is_the_beginning_of_what_there_was() {
    let mut lost = 0;
    for seed in 0..20 {
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
