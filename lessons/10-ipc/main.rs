//! Lesson 10: how many copies between two processes?
//!
//! A sender and a receiver exchange the same messages in every way there is: `descriptors.rs` sends them
//! through the kernel, `shared.rs` through memory that both processes have, and `passed.rs` through a file
//! whose descriptor travels over a socket. `late_store.rs` tests whether the kernel made a copy, and
//! `files.rs` shows the other pair of "two copies". `lessons::turn` is how the processes wait for each other.

use std::process::ExitCode;

use lessons::Play;
use lessons::data::{Files, Pieces};

mod descriptors;
mod exchange;
mod files;
mod late_store;
mod messages;
mod passed;
mod shared;

const SIZE_BYTES: u64 = 16 << 20;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play<Files>); 11] = [
    ("pipe", descriptors::pipe),
    ("unix-stream", descriptors::unix_stream),
    ("vmsplice", descriptors::vmsplice),
    ("process-vm-readv", shared::read_by_the_receiver),
    ("shared-in-place", shared::made_in_place),
    ("shared-memcpy", shared::copied_in),
    ("memfd-passed", passed::memfd),
    ("write-then-store", late_store::after_write),
    ("vmsplice-then-store", late_store::after_vmsplice),
    ("file-read-cold", files::read),
    ("file-load-cold", files::load),
];

/// Rounds of each scenario whose CPU time is compared.
const ROUNDS: usize = 21;

/// Four of the scenarios once more, with rounds that take turns, so that their CPU times can be compared.
const IN_TURN: [(&str, Play<Files>); 4] = [
    ("pipe-in-turn", descriptors::pipe),
    ("vmsplice-in-turn", descriptors::vmsplice),
    ("memfd-in-turn", passed::memfd),
    ("shared-in-turn", shared::made_in_place),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let files = Files::of(lesson, Pieces::SMALL);
        lesson.play_each(&SCENARIOS, &files)?;
        let in_turn = IN_TURN.map(|(name, play)| (name.to_owned(), play));
        lesson.alternate(ROUNDS, &in_turn, |scenario, play| play(scenario, &files))
    })
}
