//! Lesson 12: is copying really 57.1 % of the work?
//!
//! Messages of many sizes by three ways that copy: `file.rs` reads them, `tcp.rs` and `udp.rs` send and
//! receive them over loopback. Each way also has a scenario in which nothing is copied to the reader.
//! One process holds both ends, so that nobody waits and the CPU time is all about messages.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lessons::{Round, Scenario};

mod file;
mod tcp;
mod udp;

/// What a round moves, and pays for calls, at most.
const SIZE_BYTES: u64 = 128 << 20;

/// Of each scenario, in turn with all others.
const ROUNDS: usize = 21;

/// A round has so many messages as if each were this much longer, for the calls and for what else is
/// done for each: so rounds of small ones take no longer than those of large ones.
const READ_BYTES: usize = 4 << 10;
const PACKET_BYTES: usize = 32 << 10;

/// Sizes with their names in the scenarios.
const SIZES: [(&str, usize); 6] = [
    ("64", 64),
    ("1k", 1 << 10),
    ("8k", 8 << 10),
    ("60k", 60 << 10),
    ("256k", 256 << 10),
    ("1m", 1 << 20),
];
/// Those that fit into one datagram, which is shorter than 64 KiB.
const DATAGRAMS: &[(&str, usize)] = SIZES.split_at(4).0;
/// The one at which the copy to the reader is left out.
const COMPARED: &[(&str, usize)] = &[SIZES[3]];

/// Plays one round.
type Play = fn(&mut Scenario, &Messages) -> Result<()>;

/// What is passed in a round.
struct Messages {
    directory: PathBuf,
    bytes: usize,
    count: usize,
}

impl Messages {
    fn report(&self, round: &mut Round) {
        round.work.operations = self.count as u64;
        round.work.bytes = round.work.operations * self.bytes as u64;
    }
}

/// How messages are passed.
struct Way {
    name: &'static str,
    play: Play,
    sizes: &'static [(&'static str, usize)],
    call_bytes: usize,
}

const fn way(
    name: &'static str,
    play: Play,
    sizes: &'static [(&'static str, usize)],
    call_bytes: usize,
) -> Way {
    Way {
        name,
        play,
        sizes,
        call_bytes,
    }
}

const WAYS: [Way; 6] = [
    way("read", file::read, &SIZES, READ_BYTES),
    way("tcp", tcp::received, &SIZES, PACKET_BYTES),
    way("udp", udp::received, DATAGRAMS, PACKET_BYTES),
    way("sendfile", file::sendfile, COMPARED, READ_BYTES),
    way("tcp-discard", tcp::discarded, COMPARED, PACKET_BYTES),
    way("udp-discard", udp::discarded, COMPARED, PACKET_BYTES),
];

fn main() -> ExitCode {
    lessons::run(SIZE_BYTES, |lesson| {
        let cases: Vec<(String, (Play, Messages))> = WAYS
            .iter()
            .flat_map(|way| way.sizes.iter().map(move |size| (way, *size)))
            .map(|(way, (size, bytes))| {
                let messages = Messages {
                    directory: lesson.directory().to_owned(),
                    bytes,
                    count: (lesson.size_bytes() / (bytes + way.call_bytes)).max(1),
                };
                (format!("{}-{size}", way.name), (way.play, messages))
            })
            .collect();
        lesson.alternate(ROUNDS, &cases, |scenario, (play, messages)| {
            play(scenario, messages)
        })
    })
}
