//! The files have RocketMQ's format: a reader that shares no code with the store finds everything in them.

use std::fs;

use crate::broker::{number, numbers, recover, run};
use crate::common::scratch;
use crate::reader::StoredState;

/// The first file of the log, and of the queue of the first message.
const LOG: &str = "commitlog/00000000000000000000";
const QUEUE: &str = "consumequeue/orders/0/00000000000000000000";

#[test]
fn an_independent_reader_finds_every_message_and_every_entry() {
    for append in ["mapping", "buffer"] {
        let place = scratch();
        let home = place.path().join("store");
        run(&home, &["--messages", "300", "--append", append]).well();
        let state = StoredState::read(&home).expect(append);
        assert_eq!(numbers(&state.messages), (0..300).collect(), "{append}");
        assert!(state.messages.iter().map(number).is_sorted(), "{append}");
        assert!(state.files > 5, "{append}");
        assert_eq!(state.blanks, state.files - 1, "{append}");
        let entries: Vec<usize> = state.queues.values().map(Vec::len).collect();
        assert_eq!(entries, [50; 6], "{append}");
        // A start after a normal end trusts the index and changes nothing.
        assert_eq!(run(&home, &[]).well().previous_exit, "Normal");
        assert_eq!(recover(&home, &[]).messages, state.messages);
    }
}

#[test]
fn the_first_record_and_its_entry_have_these_bytes() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "1", "--body", "9"]).well();
    let log = fs::read(home.join(LOG)).expect("a log");
    let before_stored_ms = [
        &[0, 0, 0, 115, 0xDA, 0xA3, 0x20, 0xA7][..],
        // Python: zlib.crc32(b"message 0") & 0x7FFFFFFF
        &0x7CFA_E5D9_u32.to_be_bytes(),
        &[0; 4 + 4 + 8 + 8 + 4],
        &1_700_000_000_000_u64.to_be_bytes(),
        &[127, 0, 0, 1, 0, 0, 0x2A, 0x9F],
    ];
    assert_eq!(log[..56], before_stored_ms.concat());
    let stored_ms = u64::from_be_bytes(log[56..64].try_into().expect("8 bytes"));
    assert!(stored_ms > 1_700_000_000_000);
    let after_stored_ms = [
        &[127, 0, 0, 1, 0, 0, 0x2A, 0x9F][..],
        &[0; 4 + 8],
        &[0, 0, 0, 9],
        b"message 0\x06orders\x00\x09TAGS\x01new\x02",
    ];
    assert_eq!(log[64..115], after_stored_ms.concat());
    assert!(log[115..].iter().all(|byte| *byte == 0));
    let queue = fs::read(home.join(QUEUE)).expect("a queue");
    // Java: "new".hashCode()
    let tag = [0, 0, 0, 0, 0, 1, 0xA9, 0xA0];
    assert_eq!(queue[..20], [&[0; 11][..], &[115], &tag].concat());
}

#[test]
fn the_reader_refuses_any_wrong_byte_of_a_message_or_an_entry() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "2", "--body", "9"]).well();
    // The reader cannot know the low bytes of the two times.
    let is_time = |at: usize| (40..48).contains(&at) || (58..64).contains(&at);
    for (name, length) in [(LOG, 115), (QUEUE, 20)] {
        let path = home.join(name);
        let right = fs::read(&path).expect("readable");
        for at in (0..length).filter(|at| name == QUEUE || !is_time(*at)) {
            let mut wrong = right.clone();
            wrong[at] ^= 1;
            fs::write(&path, wrong).expect("writable");
            assert!(StoredState::read(&home).is_err(), "{name}: byte {at}");
        }
        fs::write(&path, right).expect("writable");
    }
    StoredState::read(&home).expect("it is right again");
}

#[test]
fn the_log_and_its_index_end_before_a_damaged_record() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "60"]).well();
    let whole = StoredState::read(&home).expect("a store").messages;
    let damaged = whole[40].place;
    let file = damaged - damaged % (16 << 10);
    let path = home.join(format!("commitlog/{file:020}"));
    let mut log = fs::read(&path).expect("a log");
    log[(damaged - file) as usize + 90] ^= 1;
    fs::write(&path, log).expect("writable");
    fs::write(home.join("abort"), "1").expect("writable");
    assert_eq!(recover(&home, &[]).messages, whole[..40]);
}
