//! Lesson 14: why did a database leave mmap?
//!
//! `store/` is the database, a small `MMAPv1`.
//! `cycle.rs` takes one group of updates through it step by step, `frames.rs` looks up its page frames,
//! `time.rs` plays many groups, `single.rs` one update, `growth.rs` fills an empty store, and `crash.rs` kills
//! the process between any two steps.

use std::process::ExitCode;

use anyhow::Result;
use lessons::Scenario;

mod crash;
mod cycle;
mod data;
mod frames;
mod growth;
mod single;
mod store;
mod time;

use crash::Task;
use data::{Data, SPARE_BYTES};

const SIZE_BYTES: u64 = 8 << 20;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// The scenarios in the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 19] = [
    ("read", |s, d| cycle::read_after(s, d, 0)),
    ("update", |s, d| cycle::step(s, d, 0)),
    ("prepare", |s, d| cycle::step(s, d, 1)),
    ("write-journal", |s, d| cycle::step(s, d, 2)),
    ("write-data-files", |s, d| cycle::step(s, d, 3)),
    ("remap", |s, d| cycle::step(s, d, 4)),
    ("read-again", |s, d| cycle::read_after(s, d, 5)),
    ("write-and-flush", cycle::write_and_flush),
    ("one-page-twice", frames::one_page_twice),
    ("between-remaps", time::between_remaps),
    ("sixteen-ticks", time::sixteen_ticks),
    ("set-counter", single::set_counter),
    ("grow-in-place", |s, d| single::grow(s, d, SPARE_BYTES)),
    ("grow-and-move", |s, d| single::grow(s, d, SPARE_BYTES + 1)),
    ("fill", growth::fill),
    ("killed-no-journal", |s, d| {
        crash::play(s, d, Task::UpdateWithoutJournal)
    }),
    ("killed-in-update", |s, d| crash::play(s, d, Task::Update)),
    ("killed-in-commit", |s, d| crash::play(s, d, Task::Commit)),
    ("killed-in-recovery", |s, d| {
        crash::play(s, d, Task::Recover)
    }),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let directory = lesson.directory().to_owned();
        let documents = data::documents_of(lesson.size_bytes());
        for (name, play) in SCENARIOS {
            let data = Data {
                directory: directory.join(name),
                documents,
            };
            lesson.play(name, |scenario| {
                play(scenario, &data)?;
                data.remove()
            })?;
        }
        Ok(())
    })
}
