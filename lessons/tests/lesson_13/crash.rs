//! Kills brokers at 220 places and looks for what they had acknowledged.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::{Output, Stdio};

use lessons::data::mix;

use crate::broker::{self, Ended, numbers, recover, run};
use crate::common::scratch;
use crate::reader::beginning_of_log;

/// Brokers that are killed in one store, one after another.
const LIVES: u64 = 5;
/// From the first message of one broker to that of the next; the lengths of the messages repeat after 400.
const STRIDE: u64 = 1200;

/// How brokers work, how often they are killed, and what they may lose.
struct KillCase {
    name: &'static str,
    arguments: &'static [&'static str],
    stores: u64,
    /// Messages that may be in the log and not be acknowledged yet.
    in_flight: u64,
    loses_acknowledged: bool,
}

/// The last case shows that this test can find a loss.
const CASES: [KillCase; 4] = [
    KillCase {
        name: "stores into the mapping",
        arguments: &["--append", "mapping"],
        stores: 16,
        in_flight: 1,
        loses_acknowledged: false,
    },
    KillCase {
        name: "stores into the mapping, flushed",
        arguments: &["--append", "mapping", "--group", "8"],
        stores: 12,
        in_flight: 8,
        loses_acknowledged: false,
    },
    KillCase {
        name: "a buffer, flushed",
        arguments: &["--append", "buffer", "--group", "8"],
        stores: 12,
        in_flight: 8,
        loses_acknowledged: false,
    },
    KillCase {
        name: "a buffer that nobody flushes",
        arguments: &["--append", "buffer"],
        stores: 4,
        in_flight: 1,
        loses_acknowledged: true,
    },
];

#[test]
fn killed_brokers_lose_acknowledged_messages_only_from_an_unflushed_buffer() {
    for case in &CASES {
        let (mut acknowledged, mut lost) = (0, 0);
        for store in 0..case.stores {
            let ended = kill_in_one_store(case, store);
            acknowledged += ended.0;
            lost += ended.1;
        }
        assert!(acknowledged > 0, "{}", case.name);
        assert_eq!(lost > 0, case.loses_acknowledged, "{}", case.name);
    }
}

/// Returns how many messages were acknowledged and how many of those were lost.
///
/// The places are the same in every run: steps of the broker, drawn from the number of the store.
fn kill_in_one_store(case: &KillCase, store: u64) -> (usize, usize) {
    let place = scratch();
    let arguments = [case.arguments, &["--messages", "60"]].concat();
    let unharmed = run(&place.path().join("unharmed"), &arguments).well();
    let spent = unharmed.spent.expect("a broker prints it at its end");
    let home = place.path().join("store");
    let (mut acknowledged, mut lost) = (BTreeSet::new(), BTreeSet::<u64>::new());
    for life in 0..LIVES {
        let first = (life * STRIDE).to_string();
        // A later broker also repairs the store, so it needs more steps than the unharmed one.
        let steps = (mix(store << 8 | life) % spent).to_string();
        let doomed = ["--first", &first, "--life", &steps];
        let ended = run(&home, &[&arguments[..], &doomed].concat()).killed();
        let kept = numbers(&beginning_of_log(&home));
        let own = kept.range(life * STRIDE..).count() as u64;
        assert!(
            own <= ended.acknowledged.len() as u64 + case.in_flight,
            "{}: store {store}, life {life}, {steps} steps: {own} messages after {ended:?}",
            case.name
        );
        acknowledged.extend(ended.acknowledged);
        lost.extend(acknowledged.difference(&kept));
    }
    let before = numbers(&beginning_of_log(&home));
    let after = numbers(&recover(&home, case.arguments).messages);
    assert_eq!(after, before, "{}: store {store}", case.name);
    (acknowledged.len(), lost.len())
}

/// Not reproducible: SIGKILL arrives from outside, wherever the broker is.
#[test]
fn stores_into_the_mapping_survive_a_kill_from_outside() {
    for kill in 0..20 {
        let place = scratch();
        let home = place.path().join("store");
        let mut broker = broker::command(&home, &["--messages", "100000"]);
        let mut broker = broker.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut printed = BufReader::new(broker.stdout.take().expect("piped"));
        let mut text = String::new();
        for _ in 0..=mix(kill) % 500 {
            printed.read_line(&mut text).expect("a line");
        }
        broker.kill().expect("our child");
        printed.read_to_string(&mut text).expect("the rest");
        let ended = Ended::of(Output {
            status: broker.wait().expect("our child"),
            stdout: text.into_bytes(),
            stderr: Vec::new(),
        });
        let acknowledged = ended.killed().acknowledged;
        let kept = numbers(&recover(&home, &[]).messages);
        assert!(kept.is_superset(&acknowledged), "kill {kill}");
        assert!(kept.len() <= acknowledged.len() + 1, "kill {kill}");
    }
}
