//! What the steps of the calibrator share: the session page, a buffer without page faults, a directory.

use std::{
    cell::{Cell, OnceCell, RefCell},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{Ordering::Relaxed, compiler_fence},
};

use memmap2::{MmapMut, MmapOptions};
use mmap_trace_ebpf::session::CELL_FINISHED;
use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::{
        resource::{UsageWho, getrusage},
        stat::Mode,
    },
};

use crate::count::{kernel::page_size::page_bytes, session::page::Page};

/// Pages that a step touches, reads or writes.
pub const PAGES: u64 = 16;
/// Bytes that a step copies: no round number, and less than the 64 KiB of a pipe.
pub const BYTES: u64 = 40_961;
/// Size of the file in which the largest folio is measured; ext4 and xfs make none larger than that.
pub const LARGE_BYTES: u64 = 2 << 20;

pub struct Bench<'a> {
    page: Page,
    cell: Cell<usize>,
    buffer: RefCell<MmapMut>,
    directory: BorrowedFd<'a>,
    /// The file that the steps on a disk share, or why there is none.
    file: nix::Result<OwnedFd>,
    /// A file that was written with one call, so that its pages are in large folios.
    pub large: OnceCell<OwnedFd>,
    pub page_bytes: usize,
}

impl<'a> Bench<'a> {
    /// Maps the page, and touches every page of the buffer.
    pub fn new(page: BorrowedFd<'_>, directory: BorrowedFd<'a>) -> nix::Result<Self> {
        let buffer = MmapOptions::new()
            .len(LARGE_BYTES as usize)
            .populate()
            .map_anon()
            .map_err(errno)?;
        Ok(Bench {
            page: Page::map(page).map_err(errno)?,
            cell: Cell::new(0),
            buffer: buffer.into(),
            directory,
            file: temporary(directory),
            large: OnceCell::new(),
            page_bytes: page_bytes(),
        })
    }

    /// Sets the cell of the next step.
    pub fn enter(&self, cell: usize) {
        self.cell.set(cell);
    }

    /// Does the measured work of a step. Entering and leaving its cell are single stores, as in a lesson.
    pub fn measure<R>(&self, work: impl FnOnce() -> nix::Result<R>) -> nix::Result<R> {
        let shared = self.page.shared();
        let number = self.cell.get();
        let before = getrusage(UsageWho::RUSAGE_SELF)?;
        shared.slots[0].cell.store(number as u32, Relaxed);
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        let result = work();
        compiler_fence(std::sync::atomic::Ordering::SeqCst);
        shared.slots[0].cell.store(0, Relaxed);
        let after = getrusage(UsageWho::RUSAGE_SELF)?;
        let cell = &shared.cells[number];
        let minor = after.minor_page_faults() - before.minor_page_faults();
        let major = after.major_page_faults() - before.major_page_faults();
        cell.minor_faults.store(minor.cast_unsigned(), Relaxed);
        cell.major_faults.store(major.cast_unsigned(), Relaxed);
        let result = result?;
        cell.state.store(CELL_FINISHED, Relaxed);
        Ok(result)
    }

    /// Records why the step of this cell could not be run.
    pub fn report(&self, number: usize, errno: Errno) {
        let cell = &self.page.shared().cells[number];
        cell.state.store(0, Relaxed);
        cell.work_operations.store(errno as u64, Relaxed);
    }

    pub fn file(&self) -> nix::Result<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd).map_err(|errno| *errno)
    }

    /// A new file without a name: it vanishes with its descriptor, even after kill -9.
    pub fn another_file(&self) -> nix::Result<OwnedFd> {
        temporary(self.directory)
    }

    /// Lends the first bytes of the buffer, whose pages are all present.
    pub fn with_buffer<R>(&self, bytes: u64, use_it: impl FnOnce(&mut [u8]) -> R) -> R {
        use_it(&mut self.buffer.borrow_mut()[..bytes as usize])
    }

    /// Bytes of the pages that a step works on.
    pub fn bytes(&self) -> u64 {
        PAGES * self.page_bytes as u64
    }
}

fn temporary(directory: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    openat(directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR)
}

/// Fails if a call moved fewer bytes than it was asked for.
pub fn whole(moved: usize, wanted: u64) -> nix::Result<()> {
    if moved as u64 == wanted {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// The `errno` behind an error of the standard library.
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "map_err passes it by value")]
pub fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
