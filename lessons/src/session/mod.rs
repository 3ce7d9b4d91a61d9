//! The session page, seen from the lesson: plain stores into memory that the tracer shares.
//!
//! Where it comes from is `open.rs`, what is written about scenarios is `tables.rs`.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::compiler_fence;

use mmap_trace_ebpf::session::{Role, SessionPage, Slot};

mod frames;
mod name;
mod open;
mod tables;

pub(crate) use name::text;

/// The slot of the lesson's first process.
pub(crate) const MAIN_SLOT: usize = 0;

/// A round that was given a place on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellIndex(u32);

/// A scenario that was given a place on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ScenarioIndex(u32);

/// The page of this run. It stays mapped until the process is gone.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    page: &'static SessionPage,
}

impl Session {
    /// The page itself.
    pub(crate) fn page(self) -> &'static SessionPage {
        self.page
    }

    /// From here on, events of the process in this slot belong to the round. One store.
    pub(crate) fn enter(self, slot: usize, cell: CellIndex) {
        ordered_store(&self.page.slots[slot], cell.0);
    }

    /// From here on they belong to no scenario.
    pub(crate) fn leave(self, slot: usize) {
        ordered_store(&self.page.slots[slot], 0);
    }

    /// Says where the next forked process stands. `sched_process_fork` reads it in the kernel, so the
    /// child is in its slot before its first instruction.
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

    /// The child is forked; another one would share the parent's slot.
    pub(crate) fn child_forked(self, parent: usize) {
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        self.page.slots[parent].child_slot.store(0, Relaxed);
    }
}

/// The store that enters or leaves a scenario. One process writes a slot, and the kernel reads it in that
/// process, so the compiler is the only one that could move work across it.
fn ordered_store(slot: &Slot, cell: u32) {
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
    slot.cell.store(cell, Relaxed);
    compiler_fence(std::sync::atomic::Ordering::SeqCst);
}
