//! The session page, written by code that is independent of the lessons' library.

use std::{
    os::fd::{FromRawFd as _, OwnedFd},
    sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst, compiler_fence},
};

use anyhow::{Context as _, Result, ensure};
use memmap2::MmapOptions;
use mmap_trace_ebpf::session::{
    CELL_ENTERED, CELL_FINISHED, MAGIC, Name, PAGE_BYTES, Role, SESSION_FD_ENV, SessionPage,
};
use nix::{
    sys::{
        prctl::set_pdeathsig,
        resource::{UsageWho, getrusage},
        signal::Signal,
    },
    time::{ClockId, clock_gettime},
    unistd::Pid,
};

use crate::workload::in_child;

#[derive(Clone, Copy)]
pub(crate) struct Page(pub(crate) &'static SessionPage);

/// One round of one scenario.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    number: u32,
    scenario: u32,
}

impl Page {
    /// Maps the page that the tracer passed; `None` without a tracer.
    pub(crate) fn inherited() -> Result<Option<Page>> {
        let Ok(number) = std::env::var(SESSION_FD_ENV) else {
            return Ok(None);
        };
        let number = number
            .parse()
            .context("the session descriptor is no number")?;
        // SAFETY: passed to us and to nobody else in this process.
        let descriptor = unsafe { OwnedFd::from_raw_fd(number) };
        let map = MmapOptions::new()
            .len(PAGE_BYTES)
            .map_raw(&descriptor)
            .context("mmap")?;
        // A real lesson closes the descriptor; some plays misuse it.
        std::mem::forget(descriptor);
        // SAFETY: page aligned, PAGE_BYTES long, never unmapped; all fields are atomics.
        let page: &'static SessionPage = unsafe { &*map.as_ptr().cast() };
        std::mem::forget(map);
        ensure!(page.magic.load(Relaxed) == MAGIC, "no magic word");
        ensure!(
            page.page_bytes.load(Relaxed) == PAGE_BYTES as u64,
            "another build"
        );
        Ok(Some(Page(page)))
    }

    /// Adds a scenario with one round.
    pub(crate) fn claim(self, name: &str) -> Cell {
        let scenario = next(&self.0.scenario_count);
        set(&self.0.scenario_names[scenario as usize], name);
        let number = next(&self.0.cell_count) + 1;
        let cell = &self.0.cells[number as usize];
        cell.scenario.store(scenario, Relaxed);
        cell.state.store(CELL_ENTERED, Relaxed);
        Cell { number, scenario }
    }

    /// Ends a round.
    pub(crate) fn finish(self, cell: Cell) {
        self.0.cells[cell.number as usize]
            .state
            .store(CELL_FINISHED, Relaxed);
    }

    /// Moves the slot of a process into a round; `None` leaves the round.
    pub(crate) fn enter(self, slot: usize, cell: Option<Cell>) {
        compiler_fence(SeqCst);
        self.0.slots[slot]
            .cell
            .store(cell.map_or(0, |cell| cell.number), Relaxed);
        compiler_fence(SeqCst);
    }

    /// Runs a body as a scenario and stores its faults according to getrusage.
    pub(crate) fn scenario<R>(self, name: &str, body: impl FnOnce() -> R) -> (Cell, R) {
        let cell = self.claim(name);
        let round = &self.0.cells[cell.number as usize];
        round.begin_ns.store(now_ns(), Relaxed);
        let before = faults();
        self.enter(0, Some(cell));
        let result = body();
        self.enter(0, None);
        let after = faults();
        round.minor_faults.store(after.0 - before.0, Relaxed);
        round.major_faults.store(after.1 - before.1, Relaxed);
        round.usage_ready.store(1, Relaxed);
        round.end_ns.store(now_ns(), Relaxed);
        self.finish(cell);
        (cell, result)
    }

    /// Records a number about a scenario.
    pub(crate) fn observe(self, cell: Cell, name: &str, by: &str, value: i64) {
        let entry = &self.0.observations[next(&self.0.observation_count) as usize];
        entry.scenario.store(cell.scenario, Relaxed);
        entry.value.store(value, Relaxed);
        set(&entry.name, name);
        set(&entry.by, by);
        entry.ready.store(1, Relaxed);
    }

    /// Announces a count that the tracer must have; the test that started it compares.
    pub(crate) fn expect(self, cell: Cell, key: &str, value: usize) {
        self.observe(cell, "expect", key, i64::try_from(value).unwrap_or(-1));
    }

    /// Forks a process that has its slot, role and, unless it enters one later, round before its first
    /// instruction.
    pub(crate) fn fork(
        self,
        slot: usize,
        cell: impl Into<Option<Cell>>,
        role: Role,
        body: impl FnOnce() -> Result<()>,
    ) -> Result<Pid> {
        self.0.slots[slot].role.store(role as u32, Relaxed);
        self.enter(slot, cell.into());
        self.0.slots[0].child_slot.store(slot as u32, Relaxed);
        compiler_fence(SeqCst);
        let child = in_child(|| {
            // The tracer ends the lesson, but not the processes that the lesson forked.
            set_pdeathsig(Signal::SIGKILL).context("prctl(PR_SET_PDEATHSIG)")?;
            body()
        });
        compiler_fence(SeqCst);
        self.0.slots[0].child_slot.store(0, Relaxed);
        child
    }
}

fn next(count: &AtomicU32) -> u32 {
    count.fetch_add(1, Relaxed)
}

fn set(place: &Name, text: &str) {
    for (target, byte) in place.iter().zip(text.bytes().chain(std::iter::repeat(0))) {
        target.store(byte, Relaxed);
    }
}

fn now_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
        now.tv_sec().unsigned_abs() * 1_000_000_000 + now.tv_nsec().unsigned_abs()
    })
}

/// The minor and major faults of this process and of the children that it has waited for.
fn faults() -> (u64, u64) {
    let mut sum = (0, 0);
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        if let Ok(usage) = getrusage(who) {
            sum.0 += usage.minor_page_faults().unsigned_abs();
            sum.1 += usage.major_page_faults().unsigned_abs();
        }
    }
    sum
}
