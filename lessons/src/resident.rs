//! Makes the lesson's own memory present before the first scenario, so that a body does not fault because it
//! is the first to use its code, its stack or its static data.

use std::ops::Range;

use anyhow::{Context, Result};
use nix::errno::Errno;

use crate::usage::now_ns;

/// Stack that a body may use, below the frame of `run`.
const STACK_BYTES: usize = 256 << 10;

/// The process's own memory, which is kept present.
pub(crate) struct Resident {
    /// Writable memory that existed before the lesson mapped anything.
    own_writable: Vec<Range<usize>>,
}

/// A line of /proc/self/maps.
struct Line<'text> {
    range: Range<usize>,
    permissions: &'text str,
    name: &'text str,
}

/// How the pages of a mapping are made present.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Populate {
    /// Code and constants: as a load would.
    Read,
    /// Data, bss and heap: as a store would, which also undoes the write protection that fork left.
    Write,
}

impl Resident {
    /// Populates everything that is mapped at this moment.
    pub(crate) fn establish() -> Result<Self> {
        let text = own_maps()?;
        let mut own_writable = Vec::new();
        for line in text.lines().filter_map(Line::parse) {
            match line.how() {
                Some(Populate::Write) => own_writable.push(line.range),
                Some(Populate::Read) => populate(line.range, Populate::Read)?,
                None => {}
            }
        }
        let resident = Resident { own_writable };
        resident.restore()?;
        Ok(resident)
    }

    /// Makes the process's own memory writable again after a fork, and populates what the heap has grown by.
    /// Mappings that the lesson has made since are left alone.
    pub(crate) fn restore(&self) -> Result<()> {
        for range in &self.own_writable {
            populate(range.clone(), Populate::Write)?;
        }
        let text = own_maps()?;
        for line in text.lines().filter_map(Line::parse) {
            if matches!(line.name, "[heap]" | "[stack]") {
                populate(line.range, Populate::Write)?;
            }
        }
        touch_stack();
        // The pages of the clock (vvar) cannot be populated; reading the clock once maps them.
        now_ns();
        Ok(())
    }
}

impl<'text> Line<'text> {
    fn parse(text: &'text str) -> Option<Self> {
        let (range, rest) = text.split_once(' ')?;
        let (begin, end) = range.split_once('-')?;
        let (permissions, rest) = rest.split_once(' ')?;
        // Offset, device and inode are between the permissions and the name.
        let name = rest.splitn(4, ' ').nth(3).unwrap_or("").trim_start();
        Some(Line {
            range: usize::from_str_radix(begin, 16).ok()?..usize::from_str_radix(end, 16).ok()?,
            permissions,
            name,
        })
    }

    fn how(&self) -> Option<Populate> {
        let is_special = matches!(self.name, "[heap]" | "[stack]") || self.name.starts_with("[v");
        match self.permissions {
            // Heap and stack grow, so `restore` looks them up each time; vvar and vdso cannot be
            // populated.
            _ if is_special => None,
            "rw-p" => Some(Populate::Write),
            "r-xp" | "r--p" if self.name.starts_with('/') => Some(Populate::Read),
            _ => None,
        }
    }
}

fn own_maps() -> Result<String> {
    std::fs::read_to_string("/proc/self/maps").context("read /proc/self/maps")
}

/// Populates a range of our own memory; before Linux 5.14, which lacks the advice, by touching each page.
fn populate(range: Range<usize>, how: Populate) -> Result<()> {
    let advice = match how {
        Populate::Read => libc::MADV_POPULATE_READ,
        Populate::Write => libc::MADV_POPULATE_WRITE,
    };
    let start = std::ptr::with_exposed_provenance_mut(range.start);
    // SAFETY: populating changes no content, and the kernel rejects a range that is no longer mapped.
    let answer = unsafe { libc::madvise(start, range.len(), advice) };
    match Errno::result(answer) {
        // EFAULT is for pages behind the end of the file, which the program does not use.
        Ok(_) | Err(Errno::EFAULT) => Ok(()),
        Err(Errno::EINVAL) => {
            touch(range, how);
            Ok(())
        }
        Err(error) => Err(error)
            .with_context(|| format!("madvise({:x}-{:x}, populate)", range.start, range.end)),
    }
}

fn touch(range: Range<usize>, how: Populate) {
    for address in range.step_by(crate::page_bytes()) {
        let byte = std::ptr::with_exposed_provenance_mut::<u8>(address);
        // SAFETY: /proc/self/maps has just listed the page as readable, and as writable if it is written.
        // The process has one thread, and the byte is written back unchanged.
        unsafe {
            let value = byte.read_volatile();
            if how == Populate::Write {
                byte.write_volatile(value);
            }
        }
    }
}

/// Grows the stack below this frame and touches the new pages.
#[inline(never)]
#[expect(
    clippy::large_stack_arrays,
    reason = "this function exists to use the stack"
)]
fn touch_stack() {
    let mut area = [0_u8; STACK_BYTES];
    for byte in area.iter_mut().step_by(crate::page_bytes()) {
        // SAFETY: a mutable reference is valid for writes.
        unsafe { std::ptr::from_mut(byte).write_volatile(1) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_maps_are_parsed() {
        let text = "7f00-7fff rw-p 00001000 fe:00 1234                       /lib/a name.so";
        let line = Line::parse(text).expect("well-formed");
        assert_eq!(line.range, 0x7f00..0x7fff);
        assert_eq!(line.permissions, "rw-p");
        assert_eq!(line.name, "/lib/a name.so");
        assert_eq!(
            Line::parse("1000-2000 rw-p 00000000 00:00 0 ")
                .expect("anonymous")
                .name,
            ""
        );
        assert!(Line::parse("nonsense").is_none());
    }

    #[test]
    fn only_our_own_memory_is_populated() {
        let how = |permissions: &str, name: &str| {
            let text = format!("1000-2000 {permissions} 00000000 00:00 0    {name}");
            Line::parse(&text).expect("well-formed").how()
        };
        assert!(how("r-xp", "/bin/a") == Some(Populate::Read));
        assert!(how("r--p", "/bin/a") == Some(Populate::Read));
        assert!(how("rw-p", "/bin/a") == Some(Populate::Write));
        assert!(how("rw-p", "") == Some(Populate::Write));
        for (permissions, name) in [
            ("---p", ""),
            ("rw-s", "anon_inode:bpf-map"),
            ("r--p", "[vvar]"),
            ("r-xp", "[vdso]"),
            ("rw-p", "[heap]"),
            ("rw-p", "[stack]"),
        ] {
            assert!(how(permissions, name).is_none(), "{permissions} {name}");
        }
    }
}
