//! The files are those of RocketMQ, and a reader that knows nothing of the store finds everything in them.

use std::fs;

use crate::broker::{number, numbers, recover, run};
use crate::common::scratch;
use crate::reader::Store;

/// Enough for several files of the log and of each queue.
const MANY: &[&str] = &["--messages", "300"];

#[test]
fn a_reader_that_shares_no_code_finds_every_message_and_every_entry() {
    for append in ["mapping", "buffer"] {
        let place = scratch();
        let home = place.path().join("store");
        let ended = run(&home, &[MANY, &["--append", append]].concat()).well();
        assert_eq!(ended.acknowledged.len(), 300, "{append}");
        let store = Store::read(&home).expect(append);
        assert_eq!(numbers(&store.messages), (0..300).collect(), "{append}");
        assert!(store.messages.iter().map(number).is_sorted(), "{append}");
        assert!(
            store.files > 5 && store.blanks == store.files - 1,
            "{append}"
        );
        assert_eq!(store.queues.len(), 6, "{append}");
        for ((topic, queue), entries) in &store.queues {
            assert_eq!(entries.len(), 50, "{append}: {topic}/{queue}");
        }
    }
}

#[test]
fn the_first_record_has_these_bytes() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "1", "--body", "9"]).well();
    let log = fs::read(home.join("commitlog/00000000000000000000")).expect("a log");
    let (before, stored) = (&log[..56], &log[56..64]);
    let expected_before = [
        &[0, 0, 0, 115, 0xDA, 0xA3, 0x20, 0xA7][..],
        &CRC_OF_MESSAGE_0.to_be_bytes(),
        &[0; 4 + 4 + 8 + 8 + 4],
        &1_700_000_000_000_u64.to_be_bytes(),
        &[127, 0, 0, 1, 0, 0, 0x2A, 0x9F],
    ]
    .concat();
    assert_eq!(before, expected_before);
    assert!(u64::from_be_bytes(stored.try_into().expect("8 bytes")) > 1_700_000_000_000);
    let expected_behind = [
        &[127, 0, 0, 1, 0, 0, 0x2A, 0x9F][..],
        &[0; 4 + 8],
        &[0, 0, 0, 9],
        b"message 0\x06orders\x00\x09TAGS\x01new\x02",
    ]
    .concat();
    assert_eq!(&log[64..115], expected_behind);
    assert!(log[115..].iter().all(|byte| *byte == 0));
    let queue = fs::read(home.join("consumequeue/orders/0/00000000000000000000")).expect("a queue");
    // "new".hashCode() of Java.
    let tag = [0, 0, 0, 0, 0, 1, 0xA9, 0xA0];
    assert_eq!(queue[..20], [&[0; 11][..], &[115], &tag].concat());
}

/// `zlib.crc32(b"message 0") & 0x7FFFFFFF` of Python.
const CRC_OF_MESSAGE_0: u32 = 0x7CFA_E5D9;

#[test]
fn the_reader_refuses_a_store_in_which_any_byte_of_a_message_or_an_entry_is_wrong() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "2", "--body", "9"]).well();
    let log = home.join("commitlog/00000000000000000000");
    let queue = home.join("consumequeue/orders/0/00000000000000000000");
    // Nobody knows the times, so their low bytes are not looked at; neither is a tail of zeros.
    let times =
        |place: usize| (40..48).contains(&(place % 115)) || (58..64).contains(&(place % 115));
    for (path, length) in [(&log, 115), (&queue, 20)] {
        let right = fs::read(path).expect("readable");
        for place in (0..length).filter(|place| path == &queue || !times(*place)) {
            let mut wrong = right.clone();
            wrong[place] ^= 1;
            fs::write(path, wrong).expect("writable");
            assert!(Store::read(&home).is_err(), "{} {place}", path.display());
        }
        fs::write(path, right).expect("writable");
    }
    Store::read(&home).expect("it is right again");
}

#[test]
fn a_start_after_a_good_end_changes_nothing() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, MANY).well();
    let before = Store::read(&home).expect("a store").messages;
    assert!(run(&home, &[]).well().found.starts_with("Normal"));
    assert_eq!(recover(&home, &[]).messages, before);
}

#[test]
fn the_log_ends_before_a_damaged_record_and_the_queues_with_it() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "60"]).well();
    let whole = Store::read(&home).expect("a store").messages;
    let damaged = &whole[40];
    let file = damaged.place / (16 << 10) * (16 << 10);
    let path = home.join(format!("commitlog/{file:020}"));
    let mut log = fs::read(&path).expect("a log");
    log[(damaged.place - file) as usize + 90] ^= 1;
    fs::write(&path, log).expect("writable");
    fs::write(home.join("abort"), "1").expect("writable");
    assert_eq!(recover(&home, &[]).messages, whole[..40]);
}

#[test]
fn a_start_looks_at_no_more_of_the_log_than_it_must() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, MANY).well();
    let messages = Store::read(&home).expect("a store").messages;
    let files = messages[299].place / (16 << 10) + 1;
    let of_last_files = |count: u64| {
        let begin = (files - count) * (16 << 10);
        let looked_at = messages.iter().filter(|message| message.place >= begin);
        looked_at.count()
    };
    let found = |log_ms: u64, queues_ms: u64, is_dead: bool| {
        let mut checkpoint = vec![0; 4096];
        checkpoint[..8].copy_from_slice(&log_ms.to_be_bytes());
        checkpoint[8..16].copy_from_slice(&queues_ms.to_be_bytes());
        fs::write(home.join("checkpoint"), checkpoint).expect("writable");
        if is_dead {
            fs::write(home.join("abort"), "1").expect("writable");
        }
        run(&home, &[]).well().found
    };
    let end = messages[299].place + u64::from(messages[299].length);
    let said = |exit: &str, records: usize| format!("{exit}, {records} records, end {end}");
    // Later than any message, by more than the clock may have been set back.
    let future = 4_000_000_000_000;
    assert_eq!(found(0, 0, false), said("Normal", of_last_files(3)));
    assert_eq!(
        found(future, future, true),
        said("Abnormal", of_last_files(1))
    );
    // Both the log and the queues must be on the device.
    assert_eq!(found(future, 0, true), said("Abnormal", 300));
    assert_eq!(found(0, future, true), said("Abnormal", 300));
    assert!(of_last_files(1) < of_last_files(3) && of_last_files(3) < 300);
}

#[test]
fn a_store_with_files_of_another_length_is_refused_with_both_lengths() {
    let place = scratch();
    let home = place.path().join("store");
    run(&home, &["--messages", "1"]).well();
    let log = fs::File::options()
        .write(true)
        .open(home.join("commitlog/00000000000000000000"));
    log.and_then(|log| log.set_len(100)).expect("writable");
    let output = crate::broker::command(&home, &[])
        .output()
        .expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = crate::common::stderr(&output);
    assert!(said.contains("has 100 bytes and not 16384"), "{said}");
}
