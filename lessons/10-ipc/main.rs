//! Lesson 10: how many copies between two processes?
//!
//! A sender and a receiver, and the same messages by every way there is: `descriptors.rs` through the
//! kernel, `shared.rs` through memory that both have, `passed.rs` through a file whose descriptor is
//! sent. `late_store.rs` asks whether a copy was made, `files.rs` is the other pair of "two copies". How the
//! processes wait for each other is `lessons::turn`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::{Round, Scenario};

mod board;
mod descriptors;
mod files;
mod late_store;
mod messages;
mod passed;
mod shared;

use messages::MESSAGE;

const SIZE_BYTES: u64 = 16 << 20;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// In the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 11] = [
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

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let data = Data {
            directory: lesson.directory().to_owned(),
            bytes: lesson.size_bytes(),
        };
        for (name, play) in SCENARIOS {
            lesson.play(name, |scenario| play(scenario, &data))?;
        }
        Ok(())
    })
}

/// What is sent, and where files lie.
struct Data {
    directory: PathBuf,
    bytes: usize,
}

impl Data {
    /// Everything, in messages.
    fn report(&self, round: &mut Round) {
        round.work.bytes = self.bytes as u64;
        round.work.operations = self.bytes.div_ceil(MESSAGE) as u64;
    }
}
