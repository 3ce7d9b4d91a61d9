//! Lesson 12: is copying really 57.1 % of the work?
//!
//! Messages of many sizes go three ways: `file.rs` reads them, `tcp.rs` and `udp.rs` send and receive them
//! over loopback. Each way also has a scenario in which the kernel copies nothing to the reader. One process
//! holds both ends, so that nobody waits and all CPU time is spent on messages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::{Round, Scenario};

mod file;
mod tcp;
mod udp;

/// The most that a round moves, with the price of its calls in bytes.
const SIZE_BYTES: u64 = 128 << 20;

/// Rounds of each scenario; the scenarios take turns.
const ROUNDS: usize = 21;

/// What a message costs besides its bytes, as a number of bytes. A round has fewer messages by that, so
/// that rounds of small messages take no longer than rounds of large ones.
const READ_BYTES: usize = 4 << 10;
const PACKET_BYTES: usize = 32 << 10;

/// The sizes of messages, with their names in the scenarios.
const SIZES: [(&str, usize); 6] = [
    ("64", 64),
    ("1k", 1 << 10),
    ("8k", 8 << 10),
    ("60k", 60 << 10),
    ("256k", 256 << 10),
    ("1m", 1 << 20),
];
/// The sizes that fit into one datagram, which is shorter than 64 KiB.
const DATAGRAMS: &[(&str, usize)] = SIZES.split_at(4).0;
/// The size at which the copy to the reader is left out.
const COMPARED: &[(&str, usize)] = &[SIZES[3]];

type Play = fn(&mut Scenario, &Batch) -> Result<()>;

/// The messages of one round.
struct Batch {
    directory: PathBuf,
    bytes: usize,
    count: usize,
}

impl Batch {
    fn report(&self, round: &mut Round) {
        round.work.operations = self.count as u64;
        round.work.bytes = round.work.operations * self.bytes as u64;
    }
}

/// A way to pass messages, with the sizes that it is tried with.
struct Route {
    name: &'static str,
    play: Play,
    sizes: &'static [(&'static str, usize)],
    call_bytes: usize,
}

impl Route {
    const fn new(
        name: &'static str,
        play: Play,
        sizes: &'static [(&'static str, usize)],
        call_bytes: usize,
    ) -> Self {
        Route {
            name,
            play,
            sizes,
            call_bytes,
        }
    }
}

const ROUTES: [Route; 6] = [
    Route::new("read", file::read, &SIZES, READ_BYTES),
    Route::new("tcp", tcp::received, &SIZES, PACKET_BYTES),
    Route::new("udp", udp::received, DATAGRAMS, PACKET_BYTES),
    Route::new("sendfile", file::sendfile, COMPARED, READ_BYTES),
    Route::new("tcp-discard", tcp::discarded, COMPARED, PACKET_BYTES),
    Route::new("udp-discard", udp::discarded, COMPARED, PACKET_BYTES),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let cases: Vec<(String, (Play, Batch))> = ROUTES
            .iter()
            .flat_map(|route| route.sizes.iter().map(move |size| (route, *size)))
            .map(|(route, (size, bytes))| {
                let messages = Batch {
                    directory: lesson.directory().to_owned(),
                    bytes,
                    count: (lesson.size_bytes() / (bytes + route.call_bytes)).max(1),
                };
                (format!("{}-{size}", route.name), (route.play, messages))
            })
            .collect();
        lesson.alternate(ROUNDS, &cases, |scenario, (play, messages)| {
            play(scenario, messages)
        })
    })
}
