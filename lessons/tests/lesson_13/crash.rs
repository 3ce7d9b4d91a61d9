//! Brokers are killed at 200 places, and what they have acknowledged is looked for.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use lessons::data::mix;

use crate::broker::{self, Ended, numbers, recover, run};
use crate::common::scratch;
use crate::reader::beginning_of_log;

/// Messages of one life; the last places of the log are reached by the brokers that die late.
const MESSAGES: u64 = 60;
/// Brokers that die in one store, one after the other.
const LIVES: u64 = 5;
/// From one's first message to that of the next. The broker's messages have the same lengths after 400.
const STRIDE: u64 = 1200;

/// How a broker works, and how often it shall be killed.
struct Plan {
    arguments: &'static [&'static str],
    stores: u64,
    /// Messages that stand in the log and are not acknowledged yet, at most.
    on_their_way: u64,
}

#[derive(Default)]
struct Outcome {
    kills: u64,
    acknowledged: BTreeSet<u64>,
    lost: BTreeSet<u64>,
}

/// The kill points are the same in every run: steps of the broker, drawn from the number of the store.
fn play(plan: &Plan) -> Outcome {
    let mut sum = Outcome::default();
    for store in 0..plan.stores {
        let outcome = one_store(plan, store);
        sum.kills += outcome.kills;
        sum.acknowledged.extend(outcome.acknowledged);
        sum.lost.extend(outcome.lost);
    }
    sum
}

fn one_store(plan: &Plan, store: u64) -> Outcome {
    let place = scratch();
    let messages = MESSAGES.to_string();
    let whole = [plan.arguments, &["--messages", &messages]].concat();
    let spent = run(&place.path().join("whole"), &whole).well().spent;
    let spent = spent.expect("it says so at its end");
    let home = place.path().join("store");
    let mut outcome = Outcome::default();
    for life in 0..LIVES {
        let first = (life * STRIDE).to_string();
        // A later broker has no queue files to make, so it may need a little less for the same messages.
        let steps = (mix(store << 8 | life) % (spent * 3 / 4)).to_string();
        let ended = run(
            &home,
            &[&whole[..], &["--first", &first, "--life", &steps]].concat(),
        )
        .killed();
        let kept = numbers(&beginning_of_log(&home));
        let of_this_life: BTreeSet<u64> = kept.range(life * STRIDE..).copied().collect();
        assert!(
            of_this_life.len() as u64 <= ended.acknowledged.len() as u64 + plan.on_their_way,
            "{store}/{life}, {steps} steps: {of_this_life:?} of {ended:?}"
        );
        outcome.acknowledged.extend(ended.acknowledged);
        outcome.lost.extend(outcome.acknowledged.difference(&kept));
        outcome.kills += 1;
    }
    let before = numbers(&beginning_of_log(&home));
    let after = recover(&home, plan.arguments);
    assert_eq!(
        numbers(&after.messages),
        before,
        "{store}: the last start changes nothing"
    );
    outcome
}

#[test]
fn stores_into_the_mapping_lose_nothing_at_80_kill_points() {
    let outcome = play(&Plan {
        arguments: &["--append", "mapping", "--flush", "async"],
        stores: 16,
        on_their_way: 1,
    });
    assert_eq!(outcome.kills, 80);
    assert!(!outcome.acknowledged.is_empty());
    assert_eq!(outcome.lost, BTreeSet::new());
}

#[test]
fn stores_and_synchronous_flush_lose_nothing_at_60_kill_points() {
    let outcome = play(&Plan {
        arguments: &["--append", "mapping", "--flush", "sync", "--group", "8"],
        stores: 12,
        on_their_way: 8,
    });
    assert_eq!(outcome.kills, 60);
    assert!(!outcome.acknowledged.is_empty());
    assert_eq!(outcome.lost, BTreeSet::new());
}

#[test]
fn a_buffer_and_synchronous_flush_lose_nothing_at_60_kill_points() {
    let outcome = play(&Plan {
        arguments: &["--append", "buffer", "--flush", "sync", "--group", "8"],
        stores: 12,
        on_their_way: 8,
    });
    assert_eq!(outcome.kills, 60);
    assert!(!outcome.acknowledged.is_empty());
    assert_eq!(outcome.lost, BTreeSet::new());
}

/// What makes the three tests before worth something: they can fail.
#[test]
fn a_buffer_without_a_flush_loses_acknowledged_messages() {
    let outcome = play(&Plan {
        arguments: &["--append", "buffer", "--flush", "async"],
        stores: 4,
        on_their_way: 1,
    });
    assert_eq!(outcome.kills, 20);
    assert!(!outcome.lost.is_empty());
}

/// Not reproducible, and so beside the others: SIGKILL from outside, wherever the broker is just then.
#[test]
fn stores_into_the_mapping_lose_nothing_if_somebody_else_kills_the_broker() {
    for kill in 0..20 {
        let place = scratch();
        let home = place.path().join("store");
        let mut broker = broker::command(&home, &["--messages", "100000"]);
        let mut broker = broker.stdout(Stdio::piped()).spawn().expect("it starts");
        let mut said = BufReader::new(broker.stdout.take().expect("piped"));
        let mut text = String::new();
        for _ in 0..=mix(kill) % 500 {
            said.read_line(&mut text).expect("a line");
        }
        broker.kill().expect("ours");
        said.read_to_string(&mut text).expect("the rest");
        let ended = Ended::of(&std::process::Output {
            status: broker.wait().expect("ours"),
            stdout: text.into_bytes(),
            stderr: Vec::new(),
        });
        let acknowledged = ended.killed().acknowledged;
        let kept = numbers(&recover(&home, &[]).messages);
        assert!(kept.is_superset(&acknowledged), "{kill}");
        assert!(kept.len() <= acknowledged.len() + 1, "{kill}");
    }
}
