//! Lesson 11: how does a file leave through a socket?
//!
//! One file, one connection, one receiver, and every way to get the bytes across: in `copies.rs` the sender
//! handles the bytes itself, in `moves.rs` it asks the kernel to pass them on, and in `pinned.rs` it sends
//! without copying and waits to hear whether that worked. `late_store.rs` tests whether the kernel made a copy.

use std::process::ExitCode;

use lessons::Play;
use lessons::data::{Files, Pieces};
use lessons::mapping::Filling;

mod copies;
mod late_store;
mod moves;
mod pinned;
mod wire;

const SIZE_BYTES: u64 = 16 << 20;
/// The file that is sent.
const FILE: &str = "file";
/// Bytes that are sent at a time, unless the scenario says otherwise.
const PIECE: usize = 64 << 10;

/// The scenarios, in the order of the text.
const SCENARIOS: [(&str, Play<Files>); 9] = [
    ("read-write-4k", |scenario, files| {
        copies::read_and_write(scenario, files, 4 << 10)
    }),
    ("read-write", |scenario, files| {
        copies::read_and_write(scenario, files, PIECE)
    }),
    ("mmap-write", |scenario, files| {
        copies::write_mapped(scenario, files, Filling::OnDemand)
    }),
    ("mmap-write-populated", |scenario, files| {
        copies::write_mapped(scenario, files, Filling::AtOnce)
    }),
    ("sendfile", moves::send_file),
    ("splice", moves::splice_through_a_pipe),
    ("zerocopy", pinned::send_pinned),
    ("write-then-store", late_store::after_write),
    ("sendfile-then-store", late_store::after_sendfile),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let files = Files::of(lesson, Pieces::SMALL);
        lesson.play_each(&SCENARIOS, &files)
    })
}
