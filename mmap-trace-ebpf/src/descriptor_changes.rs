//! Descriptors that another thread closed or replaced while a call was using them.
//!
//! A call keeps the file that it started with (`fdget`, fs/file.c), but at its end only the number is known.
//! In a table that nobody shares the number still means that file. In a shared one, each change of a number
//! is noted with its time at the end of the call that made it, and a call whose descriptor changed after the
//! end of the thread's previous call does not know its file. What this does not see: a change whose own call
//! has not ended yet, changes by io_uring (`IORING_OP_CLOSE`, a declared loss), and those by a process that is not traced.
//!
//! A close frees the number before its call ends, and another thread may get it at once. That thread
//! remembers the file that it opened: if the number still means it and only one change was noted since, that
//! one had been made before, because it takes two changes to replace a file and to bring it back. While a call
//! uses a file, no other file gets its address.

use mmap_trace_ebpf::{
    offsets::Offset,
    tables::{CONTROL_DESCRIPTORS, DESCRIPTOR_CHANGES as CHANGES, DescriptorChanges, OpenedFile},
};

use crate::{
    current_task::CurrentTask,
    fields::{load, probe, probe_at},
    maps::{CONTROL, DESCRIPTOR_CHANGES},
    rows::add_atomically,
};

/// Stands for all descriptors of a table; no descriptor has this number.
pub(crate) const EVERY: u32 = u32::MAX;

/// Whether a descriptor may have meant another file when the current call began.
#[inline(always)]
pub(crate) fn may_have_changed(current: &CurrentTask, descriptor: u32) -> bool {
    let since = current.entry.descriptor_time;
    if since == 0 {
        return false;
    }
    let table = table(current);
    let own = changes(table, descriptor);
    if changes(table, EVERY).time >= since {
        return true;
    }
    let opened = current.entry.opened;
    own.time >= since
        && (opened.descriptor != u64::from(descriptor)
            || own.count != opened.changes + 1
            || opened.file == 0
            || opened.file != file_address(table, descriptor))
}

/// Remembers the file behind a descriptor that the current call returned.
#[inline(always)]
pub(crate) fn remember_opened(current: &mut CurrentTask, descriptor: u32) {
    if current.entry.descriptor_time == 0 {
        return;
    }
    let table = table(current);
    // The count is read first: a change in between makes it look too old, which is a loss and no error.
    let changes = changes(table, descriptor).count;
    current.entry.opened = OpenedFile {
        file: file_address(table, descriptor),
        changes,
        descriptor: u64::from(descriptor),
    };
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
    if let Some(changes) = DESCRIPTOR_CHANGES.get_ptr_mut(place(table(current), descriptor)) {
        // SAFETY: a map value. Another thread may note a change of the same entry at the same moment; both
        // times are then later than the end of any call that ended before.
        unsafe {
            add_atomically(&mut (*changes).count, 1);
            if (*changes).time < now {
                (*changes).time = now;
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

/// The address of the task's descriptor table, as a number.
#[inline(always)]
fn table(current: &CurrentTask) -> u64 {
    probe(current.task, Offset::TaskFiles).unwrap_or(0)
}

/// The address of the `struct file` that a descriptor means now; 0 if it means none.
#[inline(never)]
fn file_address(table: u64, descriptor: u32) -> u64 {
    let address = || {
        let descriptors: *const u8 = probe(table as *const u8, Offset::FilesFdt)?;
        let size: u32 = probe(descriptors, Offset::FdtMax)?;
        let files: *const u8 = probe(descriptors, Offset::FdtFd)?;
        (descriptor < size)
            .then(|| probe_at(files.wrapping_add(8 * descriptor as usize)))
            .flatten()
    };
    address().unwrap_or(0)
}

#[inline(always)]
fn changes(table: u64, descriptor: u32) -> DescriptorChanges {
    const UNKNOWN: DescriptorChanges = DescriptorChanges {
        time: u64::MAX,
        count: 0,
    };
    DESCRIPTOR_CHANGES
        .get(place(table, descriptor))
        .copied()
        .unwrap_or(UNKNOWN)
}

/// The entry of a descriptor of a table, by a multiplicative hash.
#[inline(always)]
fn place(table: u64, descriptor: u32) -> u32 {
    let hash = (table ^ u64::from(descriptor) << 40).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 40) as u32 & (CHANGES as u32 - 1)
}
