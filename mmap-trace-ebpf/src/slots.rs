//! What each traced process is doing, read from the session page.
//!
//! The lesson can write anything into the page, so every value read from it is bounded here.

use mmap_trace_ebpf::{
    counters::row_of,
    session::{CELLS, ROLES, SLOTS, SessionPage, Slot},
};

use crate::maps::SESSION;

/// The session page.
#[inline(always)]
pub(crate) fn session() -> Option<*mut SessionPage> {
    SESSION.get_ptr_mut(0)
}

#[inline(always)]
fn slot(number: u32) -> Option<*mut Slot> {
    let page = session()?.cast::<u8>();
    let number = (number as usize) & (SLOTS - 1);
    let offset = core::mem::offset_of!(SessionPage, slots) + number * size_of::<Slot>();
    Some(page.wrapping_add(offset).cast())
}

/// The row of what the slot's process is doing now: its cell and role. Row 0 is the time outside
/// every scenario.
#[inline(always)]
pub(crate) fn current_row(number: u32) -> u32 {
    let Some(slot) = slot(number) else { return 0 };
    // SAFETY: points into the page; the values are bounded below.
    let (cell, role) = unsafe {
        (
            core::ptr::read_volatile((&raw const (*slot).cell).cast::<u32>()),
            core::ptr::read_volatile((&raw const (*slot).role).cast::<u32>()),
        )
    };
    let cell = if cell < CELLS as u32 { cell } else { 0 };
    let role = if role < ROLES as u32 { role } else { 0 };
    row_of(cell as usize, role as usize) as u32
}

/// The slot that a process chose for its next child; 0 if it chose none.
#[inline(always)]
pub(crate) fn child_slot(parent: u32) -> u32 {
    let Some(parent) = slot(parent) else { return 0 };
    // SAFETY: points into the page; the value is bounded below.
    let chosen =
        unsafe { core::ptr::read_volatile((&raw const (*parent).child_slot).cast::<u32>()) };
    if chosen < SLOTS as u32 { chosen } else { 0 }
}
