//! The session page as a lesson uses it: plain stores into memory that the tracer shares.
//!
//! `open.rs` finds or makes the page, `tables.rs` writes what is known about scenarios, and
//! `pfn_lookup.rs` asks the tracer for page frame numbers.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::compiler_fence;

use mmap_trace_ebpf::session::{Role, SessionPage, Slot};

mod name;
mod open;
mod pfn_lookup;
mod tables;

pub(crate) use name::text;

/// The slot of the lesson's first process.
pub(crate) const MAIN_SLOT: usize = 0;

/// Index of a round's cell on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellIndex(u32);

/// Index of a scenario's name on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScenarioIndex(u32);

/// The page of this run, which stays mapped until the process ends.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    page: &'static SessionPage,
}

impl Session {
    pub(crate) fn page(self) -> &'static SessionPage {
        self.page
    }

    /// Makes events of the process in this slot belong to the round from here on, with one store.
    pub(crate) fn enter(self, slot: usize, cell: CellIndex) {
        ordered_store(&self.page.slots[slot], cell.0);
    }

    /// Makes them belong to no scenario from here on.
    pub(crate) fn leave(self, slot: usize) {
        ordered_store(&self.page.slots[slot], 0);
    }

    /// Assigns the next forked process to a slot. The tracer's program on `sched_process_fork` reads this
    /// in the kernel, so the child is in its slot before its first instruction.
    pub(crate) fn announce_child(self, parent: usize, child: usize, role: Role, cell: CellIndex) {
        let slot = &self.page.slots[child];
        slot.role.store(role as u32, Relaxed);
        slot.cell.store(cell.0, Relaxed);
        self.take_part(cell, role);
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        self.page.slots[parent]
            .child_slot
            .store(child as u32, Relaxed);
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
    }

    /// Ends the announcement once the child is forked.
    pub(crate) fn child_forked(self, parent: usize) {
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        self.page.slots[parent].child_slot.store(0, Relaxed);
    }
}

/// Stores the cell that enters or leaves a scenario.
///
/// Only one process writes a slot, and the kernel reads it in that same process. So only the compiler could
/// move work across the store, and compiler fences are enough.
fn ordered_store(slot: &Slot, cell: u32) {
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
    slot.cell.store(cell, Relaxed);
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
}
