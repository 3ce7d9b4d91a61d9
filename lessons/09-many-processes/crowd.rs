//! Several processes that hold the data at the same time, and one that looks at their memory.
//!
//! The lesson's own process looks, and its row counts how it reads /proc: the rows of the readers contain only
//! what they do for the file, and their waiting.

use std::ops::Deref;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use anyhow::Result;
use lessons::address_space::{area_of, page_tables_kib_of};
use lessons::data::Files;
use lessons::shared::Shared;
use lessons::turn::Turn;
use lessons::{Child, Role, Scenario};

use crate::CROWD;

/// What the processes of a meeting wait for and report, in memory that all of them share.
#[derive(Default)]
struct Meeting {
    /// Readers that have started and have nothing yet.
    arrived: Turn,
    /// Readers that have all of the data.
    ready: Turn,
    /// Raised when the readers may end.
    leave: Turn,
    /// Readers whose sum is that of the first one that was ready.
    agreeing: AtomicU64,
    first_sum: AtomicU64,
    /// One seat for each reader, in the order in which they were forked.
    seats: [Seat; CROWD],
}

#[derive(Default)]
struct Seat {
    /// Raised when the reader may begin: one after the other, so that none meets a page that another one has
    /// locked.
    begin: Turn,
    /// The address of its data.
    place: AtomicU64,
}

/// What a reader has fetched.
pub(crate) struct Fetched<T> {
    /// The memory that holds the data.
    pub(crate) held: T,
    /// The sum of all data.
    pub(crate) sum: u64,
}

/// The memory that all readers together spend on the files, in KiB.
#[derive(Clone, Copy, Default)]
struct MemorySums {
    resident: u64,
    proportional: u64,
    anonymous: u64,
    page_tables: u64,
}

/// Lets several processes fetch the files, and records what they spend on it while all of them hold it.
pub(crate) fn meet<T>(
    scenario: &mut Scenario,
    files: &Files,
    processes: usize,
    fetch: impl Fn() -> Result<Fetched<T>>,
) -> Result<()>
where
    T: Deref<Target = [u8]>,
{
    let meeting = Shared::<Meeting>::new()?;
    let mut readers = Vec::with_capacity(processes);
    scenario.use_all_cpus();
    let looked = scenario.run(|round| {
        round.work.bytes = files.bytes() as u64;
        round.work.pages = files.pages();
        round.work.operations = processes as u64;
        for seat in &meeting.seats[..processes] {
            readers.push(round.fork(Role::Reader, || attend(&meeting, seat, &fetch))?);
        }
        look(&meeting, &readers)
    });
    let Some(looked) = looked else { return Ok(()) };
    let sums = looked?;
    for (name, kib) in [
        ("resident_sum_bytes", sums.resident),
        ("proportional_sum_bytes", sums.proportional),
        ("anonymous_sum_bytes", sums.anonymous),
        ("page_table_sum_bytes", sums.page_tables),
    ] {
        scenario.observe(name, i64::try_from(kib << 10)?);
    }
    let agreeing = meeting.agreeing.load(Relaxed);
    scenario.observe("agreeing_readers", agreeing.cast_signed());
    Ok(())
}

/// What a reader does: it fetches the files, and holds it until all readers may end.
fn attend<T>(meeting: &Meeting, seat: &Seat, fetch: impl Fn() -> Result<Fetched<T>>) -> Result<()>
where
    T: Deref<Target = [u8]>,
{
    meeting.arrived.raise()?;
    seat.begin.wait_for(1)?;
    let Fetched { held, sum } = fetch()?;
    seat.place.store(held.as_ptr().addr() as u64, Relaxed);
    // No sum is 0, because the file does not consist of zeros.
    let first = meeting
        .first_sum
        .compare_exchange(0, sum, Relaxed, Relaxed)
        .unwrap_or_else(|first| first);
    if first == 0 || first == sum {
        meeting.agreeing.fetch_add(1, Relaxed);
    }
    meeting.ready.raise()?;
    meeting.leave.wait_for(1)?;
    drop(held);
    Ok(())
}

/// Sums up the memory that holds each reader's files, and by how much its page tables grew.
fn look(meeting: &Meeting, readers: &[Child]) -> Result<MemorySums> {
    meeting.arrived.wait_for(readers.len())?;
    let before = page_tables(readers)?;
    for (number, seat) in meeting.seats[..readers.len()].iter().enumerate() {
        seat.begin.raise()?;
        meeting.ready.wait_for(number + 1)?;
    }
    let mut sums = MemorySums {
        page_tables: page_tables(readers)? - before,
        ..MemorySums::default()
    };
    for (reader, seat) in readers.iter().zip(&meeting.seats) {
        let area = area_of(reader.pid(), seat.place.load(Relaxed))?;
        sums.resident += area.resident_kib;
        sums.proportional += area.proportional_kib;
        sums.anonymous += area.anonymous_kib;
    }
    meeting.leave.raise()?;
    Ok(sums)
}

fn page_tables(readers: &[Child]) -> Result<u64> {
    let sizes = readers
        .iter()
        .map(|reader| page_tables_kib_of(reader.pid()));
    sizes.sum()
}
