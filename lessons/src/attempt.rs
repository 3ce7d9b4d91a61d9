//! Asks mmap(2) for something it may refuse, and keeps the answer.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags};

use crate::page_bytes;

/// One page of a file, asked for in one way.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What is tried, for the observation.
    pub name: &'static str,
    /// What the memory shall allow.
    pub protection: ProtFlags,
    /// Shared or private.
    pub flags: MapFlags,
    /// Where in the file the page shall begin.
    pub offset: i64,
}

impl Attempt {
    /// Maps the page and unmaps it again: 0, or the errno of whichever call failed.
    ///
    /// The kernel itself is asked: the `mmap` of glibc refuses some offsets without asking it
    /// (`mmap64.c` of its Linux part).
    pub fn errno(&self, file: impl AsFd) -> i64 {
        let page = page_bytes();
        // An address of 0 and no MAP_FIXED leave the place to the kernel.
        let flags = self.flags.difference(MapFlags::MAP_FIXED).bits();
        // Whole registers, because that is what the kernel reads.
        let descriptor = libc::c_long::from(file.as_fd().as_raw_fd());
        let protection = libc::c_long::from(self.protection.bits());
        let flags = libc::c_long::from(flags);
        // SAFETY: so nothing that exists is touched, and the page is gone before anybody could refer to it.
        let answer = unsafe {
            let start = libc::syscall(
                libc::SYS_mmap,
                0_usize,
                page,
                protection,
                flags,
                descriptor,
                self.offset,
            );
            Errno::result(start)
                .and_then(|start| Errno::result(libc::syscall(libc::SYS_munmap, start, page)))
        };
        answer.err().map_or(0, |errno| errno as i64)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_answer_is_zero_or_the_errno() {
        let file = File::open("/proc/self/exe").unwrap();
        let reading = Attempt {
            name: "shared-read",
            protection: ProtFlags::PROT_READ,
            flags: MapFlags::MAP_SHARED,
            offset: 0,
        };
        let offset_1 = Attempt {
            offset: 1,
            ..reading
        };
        let writing = Attempt {
            protection: ProtFlags::PROT_WRITE,
            ..reading
        };
        assert_eq!(reading.errno(&file), 0);
        assert_eq!(offset_1.errno(&file), i64::from(libc::EINVAL));
        assert_eq!(writing.errno(&file), i64::from(libc::EACCES));
    }
}
