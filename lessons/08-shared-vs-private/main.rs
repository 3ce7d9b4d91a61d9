//! Lesson 8: who sees my store?
//!
//! `stores.rs` stores through one view of a file and looks through the others; `frames.rs` asks which page
//! frames are behind the views. Each scenario has its own file, because most of them change it.

use std::process::ExitCode;

use lessons::Play;
use lessons::data::{Files, Pieces};

mod frames;
mod stores;
mod views;

const SIZE_BYTES: u64 = 4 << 20;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play<Files>); 8] = [
    ("shared-store", stores::shared),
    ("private-store", stores::private),
    ("other-process-stores", stores::by_another_process),
    ("write-after-load", stores::write_after_load),
    ("write-after-store", stores::write_after_store),
    ("one-page-everywhere", frames::everywhere),
    ("first-private-store", frames::first_private_store),
    ("second-private-store", frames::second_private_store),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let files = Files::of(lesson, Pieces::SMALL);
        lesson.play_each(&SCENARIOS, &files)
    })
}
