//! Asks mmap(2) for a mapping that it may refuse, and returns its answer.

use std::os::fd::{AsFd, AsRawFd};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags};

use crate::page_bytes;

/// The arguments for mapping one page of a file.
#[derive(Clone, Copy, Debug)]
pub struct MapRequest {
    /// Names the request in observations.
    pub name: &'static str,
    pub protection: ProtFlags,
    pub flags: MapFlags,
    /// Byte of the file at which the page begins.
    pub offset: i64,
}

impl MapRequest {
    /// Maps the page and unmaps it again; returns 0, or the errno of the call that failed.
    ///
    /// It makes the system call itself, because the `mmap` of glibc refuses some offsets without asking
    /// the kernel (sysdeps/unix/sysv/linux/mmap64.c).
    pub fn errno(&self, file: impl AsFd) -> i64 {
        let page = page_bytes();
        // With an address of 0 and without MAP_FIXED, the kernel chooses the place.
        let flags = self.flags.difference(MapFlags::MAP_FIXED).bits();
        // The kernel reads whole registers.
        let descriptor = libc::c_long::from(file.as_fd().as_raw_fd());
        let protection = libc::c_long::from(self.protection.bits());
        let flags = libc::c_long::from(flags);
        // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists, and the
        // page is unmapped before anything could refer to it.
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
        let reading = MapRequest {
            name: "shared-read",
            protection: ProtFlags::PROT_READ,
            flags: MapFlags::MAP_SHARED,
            offset: 0,
        };
        let offset_1 = MapRequest {
            offset: 1,
            ..reading
        };
        let writing = MapRequest {
            protection: ProtFlags::PROT_WRITE,
            ..reading
        };
        assert_eq!(reading.errno(&file), 0);
        assert_eq!(offset_1.errno(&file), i64::from(libc::EINVAL));
        assert_eq!(writing.errno(&file), i64::from(libc::EACCES));
    }
}
