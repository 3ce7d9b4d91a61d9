//! Mappings at 2 MiB-aligned addresses, so that the number of faults does not depend on chance.

use std::{io, os::fd::AsRawFd as _, ptr};

/// Memory of this process, unmapped when dropped.
pub(crate) struct Map {
    start: *mut u8,
    bytes: usize,
}

const ALIGNMENT: usize = 2 << 20;

impl Map {
    /// Maps the beginning of a file, or anonymous memory without one.
    pub(crate) fn new(
        file: Option<&std::fs::File>,
        bytes: usize,
        protection: i32,
        flags: i32,
    ) -> io::Result<Map> {
        let (descriptor, flags) = match file {
            Some(file) => (file.as_raw_fd(), flags),
            None => (-1, flags | libc::MAP_ANONYMOUS),
        };
        let place = reserve(bytes)?;
        // SAFETY: replaces a reservation of this function's own.
        let start = unsafe {
            libc::mmap(
                place.cast(),
                bytes,
                protection,
                flags | libc::MAP_FIXED,
                descriptor,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Map {
            start: start.cast(),
            bytes,
        })
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.start
    }

    /// Loads from each page.
    pub(crate) fn load_each(&self) {
        for offset in (0..self.bytes).step_by(4096) {
            // SAFETY: within the mapping; a mapping without rights is asked for on purpose.
            unsafe { ptr::read_volatile(self.start.add(offset)) };
        }
    }

    /// Stores into each page.
    pub(crate) fn store_each(&self) {
        for offset in (0..self.bytes).step_by(4096) {
            // SAFETY: as above.
            unsafe { ptr::write_volatile(self.start.add(offset), 0x5A) };
        }
    }

    /// madvise(2) for the whole mapping.
    pub(crate) fn advise(&self, advice: i32) -> io::Result<()> {
        // SAFETY: advice that the tests give loses no data that anybody looks at.
        result(unsafe { libc::madvise(self.start.cast(), self.bytes, advice) })
    }

    /// msync(2) for the whole mapping.
    pub(crate) fn sync(&self) -> io::Result<()> {
        // SAFETY: writes back, changes nothing.
        result(unsafe { libc::msync(self.start.cast(), self.bytes, libc::MS_SYNC) })
    }

    /// The bytes as an argument of a system call, which may be the first to touch them.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: mapped for as long as `self`; nobody else has a reference.
        unsafe { std::slice::from_raw_parts_mut(self.start, self.bytes) }
    }
}

impl Drop for Map {
    fn drop(&mut self) {
        // SAFETY: our own mapping, and the last use of it.
        unsafe { libc::munmap(self.start.cast(), self.bytes) };
    }
}

fn result(code: i32) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reserves address space around the mapping so that nothing else is mapped beside it.
fn reserve(bytes: usize) -> io::Result<*mut u8> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping where the kernel likes.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes + ALIGNMENT,
            libc::PROT_NONE,
            flags,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    let start: *mut u8 = start.cast();
    Ok(start.wrapping_add(start.align_offset(ALIGNMENT)))
}
