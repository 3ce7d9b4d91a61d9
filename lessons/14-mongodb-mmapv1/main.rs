//! Lesson 14: why did a database leave mmap?
//!
//! `store/` is the database: `MMAPv1` in small. `cycle.rs` takes one group of updates through it, step by
//! step; `frames.rs` asks where its pages are, `single.rs` what one update costs, `time.rs` what comes of
//! many, `growth.rs` how its files grow, and `crash.rs` kills it between any two steps.

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

use data::Data;

const SIZE_BYTES: u64 = 8 << 20;

type Play = fn(&mut Scenario, &Data) -> Result<()>;

/// Beside those of `cycle.rs`, in the order in which the text looks at them.
const SCENARIOS: [(&str, Play); 11] = [
    ("one-page-twice", frames::one_page_twice),
    ("between-remaps", time::between_remaps),
    ("sixteen-ticks", time::sixteen_ticks),
    ("set-counter", single::set_counter),
    ("grow-in-place", single::grow_in_place),
    ("grow-and-move", single::grow_and_move),
    ("fill", growth::fill),
    ("killed-no-journal", crash::without_journal),
    ("killed-in-update", crash::in_update),
    ("killed-in-commit", crash::in_commit),
    ("killed-in-recovery", crash::in_recovery),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let directory = lesson.directory().to_owned();
        let documents = data::documents_of(lesson.size_bytes());
        let data = |name: &str| Data {
            place: directory.join(name),
            documents,
        };
        for case in &cycle::CASES {
            let data = data(case.name);
            lesson.play(case.name, |scenario| {
                cycle::play(scenario, &data, case)?;
                data.remove()
            })?;
        }
        for (name, play) in SCENARIOS {
            let data = data(name);
            lesson.play(name, |scenario| {
                play(scenario, &data)?;
                data.remove()
            })?;
        }
        Ok(())
    })
}
