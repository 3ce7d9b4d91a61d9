//! What the steps of the calibrator work with: the session page, a touched buffer, a directory.

use std::{
    cell::{Cell, OnceCell, RefCell},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::{Ordering::Relaxed, compiler_fence},
};

use memmap2::{MmapMut, MmapOptions, MmapRaw};
use mmap_trace_ebpf::session::{CELL_FINISHED, PAGE_BYTES, SessionPage};
use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::{
        resource::{UsageWho, getrusage},
        stat::Mode,
    },
};

/// Pages that a step touches, reads or writes.
pub const PAGES: u64 = 16;
/// Bytes that a step copies: no multiple of anything, below the 64 KiB of a pipe.
pub const BYTES: u64 = 40_961;
/// Bytes of the file in which the largest folio is looked for; ext4 and xfs make none above.
pub const LARGE_BYTES: u64 = 2 << 20;

/// The calibrator's workplace.
pub struct Bench<'a> {
    map: MmapRaw,
    cell: Cell<usize>,
    buffer: RefCell<MmapMut>,
    directory: BorrowedFd<'a>,
    /// The file that the steps on a disk share, if there can be one.
    file: nix::Result<OwnedFd>,
    /// A file that was written at once, so that it lies in large folios.
    pub large: OnceCell<OwnedFd>,
    /// Bytes of a page.
    pub page_bytes: usize,
}

impl<'a> Bench<'a> {
    /// Maps the page, and touches every page of the buffer.
    pub fn new(page: BorrowedFd<'_>, directory: BorrowedFd<'a>) -> nix::Result<Self> {
        let map = MmapOptions::new()
            .len(PAGE_BYTES)
            .map_raw(&page)
            .map_err(errno)?;
        let buffer = MmapOptions::new()
            .len(LARGE_BYTES as usize)
            .populate()
            .map_anon()
            .map_err(errno)?;
        Ok(Bench {
            map,
            cell: Cell::new(0),
            buffer: buffer.into(),
            directory,
            file: temporary(directory),
            large: OnceCell::new(),
            page_bytes: crate::count::kernel::page_size::page_bytes(),
        })
    }

    /// Cell of the next step.
    pub fn enter(&self, cell: usize) {
        self.cell.set(cell);
    }

    /// Does the work of a step: entering and leaving are single stores, as in a lesson.
    pub fn measure<R>(&self, work: impl FnOnce() -> nix::Result<R>) -> nix::Result<R> {
        let shared = self.shared();
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

    /// Tells why the step of this cell could not be done.
    pub fn report(&self, number: usize, errno: Errno) {
        let cell = &self.shared().cells[number];
        cell.state.store(0, Relaxed);
        cell.work_operations.store(errno as u64, Relaxed);
    }

    /// The shared file of the steps on a disk.
    pub fn file(&self) -> nix::Result<BorrowedFd<'_>> {
        self.file.as_ref().map(AsFd::as_fd).map_err(|errno| *errno)
    }

    /// Another file without a name: it goes with its descriptor, also after kill -9.
    pub fn another_file(&self) -> nix::Result<OwnedFd> {
        temporary(self.directory)
    }

    /// The first bytes of the buffer, which has no page that is not there.
    pub fn with_buffer<R>(&self, bytes: u64, use_it: impl FnOnce(&mut [u8]) -> R) -> R {
        use_it(&mut self.buffer.borrow_mut()[..bytes as usize])
    }

    /// Bytes of the pages that a step works on.
    pub fn bytes(&self) -> u64 {
        PAGES * self.page_bytes as u64
    }

    fn shared(&self) -> &SessionPage {
        #[allow(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
        // SAFETY: the mapping is PAGE_BYTES long, page aligned, and lives as long as `self`; every
        // field is an atomic, for which any bit pattern is a value.
        unsafe {
            &*self.map.as_ptr().cast::<SessionPage>()
        }
    }
}

fn temporary(directory: BorrowedFd<'_>) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_TMPFILE | OFlag::O_RDWR | OFlag::O_CLOEXEC;
    openat(directory, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR)
}

/// A call that moved another number of bytes than it was to.
pub fn whole(moved: usize, wanted: u64) -> nix::Result<()> {
    if moved as u64 == wanted {
        Ok(())
    } else {
        Err(Errno::EIO)
    }
}

/// The number of an error of the standard library.
#[must_use]
#[allow(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
pub fn errno(error: std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}
