//! Descriptors that another thread closed or replaced while a call was using them.
//!
//! A call keeps the file that it started with (`fdget`, fs/file.c), but at its end only the number is known.
//! In a table that nobody shares the number still means that file. In a shared one, each change of a number
//! is noted with its time, and a call whose descriptor changed after the end of the thread's previous call
//! does not know its file. What this does not see: a change whose own call has not ended yet, changes by
//! io_uring (`IORING_OP_CLOSE`), and those by a process that is not traced.

use mmap_trace_ebpf::{
    offsets::Offset,
    tables::{CONTROL_DESCRIPTORS, DESCRIPTOR_CHANGES as CHANGES},
};

use crate::{
    current_task::CurrentTask,
    fields::{load, probe},
    maps::{CONTROL, DESCRIPTOR_CHANGES},
    rows::add_atomically,
};

/// Stands for all descriptors of a table; no descriptor has this number.
pub(crate) const EVERY: u32 = u32::MAX;

/// Whether a descriptor may have meant another file when the current call began.
#[inline(always)]
pub(crate) fn may_have_changed(current: &CurrentTask, descriptor: u32) -> bool {
    let since = current.entry.descriptor_time;
    since != 0
        && (last_change(current, descriptor) >= since || last_change(current, EVERY) >= since)
}

/// Notes that the current task closed or replaced a descriptor.
#[inline(always)]
pub(crate) fn note(current: &CurrentTask, descriptor: u32) {
    if current.entry.descriptor_time == 0 {
        return;
    }
    if let Some(time) = CONTROL.get_ptr_mut(CONTROL_DESCRIPTORS) {
        // SAFETY: a map value.
        add_atomically(unsafe { &mut *time }, 1);
    }
    let now = time();
    if let Some(change) = DESCRIPTOR_CHANGES.get_ptr_mut(place(current, descriptor)) {
        // SAFETY: a map value. Another thread may note a change of the same entry at the same moment, but
        // not a later one that this could overwrite, unless it got its time after this thread.
        unsafe {
            if *change < now {
                *change = now;
            }
        }
    }
}

/// Notes at the end of a call whether the task shares its table, and the time.
#[inline(always)]
pub(crate) fn end_call(current: &mut CurrentTask) {
    let files: *const u8 = load(current.task, Offset::TaskFiles);
    current.entry.descriptor_time =
        if !files.is_null() && load::<u32>(files, Offset::FilesCount) > 1 {
            time() + 1
        } else {
            0
        };
}

#[inline(always)]
fn time() -> u64 {
    // SAFETY: a map value.
    CONTROL
        .get_ptr_mut(CONTROL_DESCRIPTORS)
        .map_or(0, |time| unsafe { core::ptr::read_volatile(time) })
}

#[inline(always)]
fn last_change(current: &CurrentTask, descriptor: u32) -> u64 {
    DESCRIPTOR_CHANGES
        .get(place(current, descriptor))
        .copied()
        .unwrap_or(u64::MAX)
}

/// The entry of a descriptor of the task's table, by the product of a hash (Knuth, volume 3, section 6.4).
#[inline(always)]
fn place(current: &CurrentTask, descriptor: u32) -> u32 {
    let table: u64 = probe(current.task, Offset::TaskFiles).unwrap_or(0);
    let hash = (table ^ u64::from(descriptor) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 40) as u32 & (CHANGES as u32 - 1)
}
