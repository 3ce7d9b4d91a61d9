//! A TCP connection over the loopback device, and the process that receives at its other end.

use std::fs::File;
use std::io::Read;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, Result};
use lessons::data::Files;
use lessons::mapping::sum;
use lessons::memory::touched_buffer;
use lessons::shared::Shared;
use lessons::{Role, Scenario};

use crate::PIECE;

/// The two ends of a connection.
pub(crate) struct Wire {
    pub(crate) sender: TcpStream,
    pub(crate) receiver: TcpStream,
}

impl Wire {
    pub(crate) fn new() -> Result<Wire> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("bind(127.0.0.1)")?;
        let address = listener.local_addr().context("getsockname")?;
        let sender = TcpStream::connect(address).context("connect(127.0.0.1)")?;
        let (receiver, _) = listener.accept().context("accept")?;
        Ok(Wire { sender, receiver })
    }
}

/// What the receiver reports to the lesson.
#[derive(Default)]
struct Arrived {
    bytes: AtomicU64,
    sum: AtomicU64,
}

/// Lets a sender process send the whole file in pieces of `piece` bytes with `hand_over`, and a receiver
/// process receive it. What the processes need is prepared before the round, and not counted.
pub(crate) fn across(
    scenario: &mut Scenario,
    files: &Files,
    file: &File,
    piece: usize,
    hand_over: impl FnOnce(&mut TcpStream) -> Result<()>,
) -> Result<()> {
    let expected = sum_of(file, files.bytes())?;
    let arrived = Shared::<Arrived>::new()?;
    let mut buffer = touched_buffer(PIECE)?;
    let wire = Wire::new()?;
    let (mut sender, mut receiver) = (Some(wire.sender), Some(wire.receiver));
    scenario.use_all_cpus();
    let done = scenario.run(|round| -> Result<()> {
        round.work.bytes = files.bytes() as u64;
        round.work.operations = files.bytes().div_ceil(piece) as u64;
        // Each process keeps only its own end, so that each notices when the other one is gone.
        round.fork(Role::Sender, || {
            drop(receiver.take());
            hand_over(&mut sender.take().context("the sender's end")?)
        })?;
        drop(sender.take());
        round.fork(Role::Receiver, || {
            let mut from = receiver.take().context("the receiver's end")?;
            for length in pieces(files.bytes(), PIECE) {
                from.read_exact(&mut buffer[..length]).context("read")?;
                arrived.sum.fetch_add(sum(&buffer[..length]), Relaxed);
                arrived.bytes.fetch_add(length as u64, Relaxed);
            }
            Ok(())
        })?;
        drop(receiver.take());
        Ok(())
    });
    let Some(done) = done else { return Ok(()) };
    done?;
    let bytes = arrived.bytes.load(Relaxed);
    let is_whole = arrived.sum.load(Relaxed) == expected;
    scenario.observe("received_bytes", i64::try_from(bytes)?);
    scenario.observe("received_what_was_sent", i64::from(is_whole));
    Ok(())
}

/// The length of each piece of `bytes`; the last one may be shorter.
pub(crate) fn pieces(bytes: usize, piece: usize) -> impl Iterator<Item = usize> {
    (0..bytes.div_ceil(piece)).map(move |number| piece.min(bytes - number * piece))
}

fn sum_of(file: &File, bytes: usize) -> Result<u64> {
    let mut buffer = vec![0; PIECE];
    let (mut offset, mut total) = (0, 0_u64);
    for length in pieces(bytes, PIECE) {
        file.read_exact_at(&mut buffer[..length], offset)
            .context("pread")?;
        total = total.wrapping_add(sum(&buffer[..length]));
        offset += length as u64;
    }
    Ok(total)
}
