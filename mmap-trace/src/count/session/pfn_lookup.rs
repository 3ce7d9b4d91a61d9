//! Looks up page frame numbers (PFNs) for a lesson, because the kernel shows them to privileged processes only.
//!
//! The lesson is not trusted: it can ask about its own processes only, outside of its scenarios, and a
//! limited number of times.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    rc::Rc,
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    time::Duration,
};

use mmap_trace_ebpf::session::{FRAME_ABSENT, FRAME_FOUND, FRAME_REFUSED, PfnRequest};

use nix::unistd::Pid;

use super::{descent::ProcessList, page::Page};
use crate::count::kernel::page_size::page_bytes;

/// The most answers in one run; lesson 8 needs about fifty.
const ANSWERS: u32 = 4096;
/// Time between two looks at a lesson that has not asked yet, which each perturb it a little.
const IDLE: Duration = Duration::from_millis(50);
/// Time between two looks at a lesson that has asked, because it will ask again.
const BUSY: Duration = Duration::from_millis(1);

/// Answers the requests on a session page.
pub struct PfnLookup {
    page: Rc<Page>,
    /// The process whose descendants may ask.
    ancestor: Pid,
    answered: u32,
    left: u32,
}

/// What /proc/PID/pagemap says about one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Found(u64),
    Absent,
    Refused,
}

impl PfnLookup {
    /// Shows the lesson that its requests will be answered.
    #[must_use]
    pub fn open(page: Rc<Page>, ancestor: Pid) -> Self {
        page.shared().frames.open.store(1, Relaxed);
        PfnLookup {
            page,
            ancestor,
            answered: 0,
            left: ANSWERS,
        }
    }

    /// The time until the next [`Self::tick`].
    #[must_use]
    pub fn pause(&self) -> Duration {
        if self.answered == 0 { IDLE } else { BUSY }
    }

    /// Answers the lesson's request, if there is a new one.
    pub fn tick(&mut self) {
        let request = &self.page.shared().frames;
        let asked = request.asked.load(Acquire);
        if asked == self.answered {
            return;
        }
        let frame = match self.left {
            0 => Frame::Refused,
            _ if self.is_in_a_scenario() => Frame::Refused,
            _ => self.look_up(request),
        };
        self.left = self.left.saturating_sub(1);
        self.answered = asked;
        let (result, number) = match frame {
            Frame::Found(number) => (FRAME_FOUND, number),
            Frame::Absent => (FRAME_ABSENT, 0),
            Frame::Refused => (FRAME_REFUSED, 0),
        };
        request.frame.store(number, Relaxed);
        request.result.store(result, Relaxed);
        request.answered.store(asked, Release);
    }

    /// Inside a scenario, waiting for an answer would show in its counts.
    fn is_in_a_scenario(&self) -> bool {
        let slots = &self.page.shared().slots;
        slots.iter().any(|slot| slot.cell.load(Relaxed) != 0)
    }

    fn look_up(&self, request: &PfnRequest) -> Frame {
        let process = request.process.load(Relaxed);
        let address = request.address.load(Relaxed);
        pagemap(process, self.ancestor)
            .and_then(|pagemap| entry(&pagemap, address))
            .map_or(Frame::Refused, |word| word.map_or(Frame::Absent, frame))
    }
}

/// Opens the page map of a descendant. It is opened below an open directory, which stays that of the same
/// process even if another process gets its number.
fn pagemap(process: u32, ancestor: Pid) -> io::Result<File> {
    let list = ProcessList::open()?;
    let directory = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(list.path_of(process))?;
    let inside = format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&directory)
    );
    let pagemap = File::open(format!("{inside}/pagemap"))?;
    let pid = i32::try_from(process).map_err(io::Error::other)?;
    if list.descends(Pid::from_raw(pid), ancestor)
        && std::fs::exists(format!("{inside}/stat")).unwrap_or(false)
    {
        Ok(pagemap)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Reads the 64-bit word of a page; `None` after the end of the address space.
fn entry(pagemap: &File, address: u64) -> io::Result<Option<u64>> {
    let mut word = [0; 8];
    let offset = address / page_bytes() as u64 * word.len() as u64;
    match pagemap.read_at(&mut word, offset)? {
        8 => Ok(Some(u64::from_ne_bytes(word))),
        _ => Ok(None),
    }
}

/// Bit 63 says whether the page is present; bits 0–54 are the page frame number, or 0 without privileges
/// (Documentation/admin-guide/mm/pagemap.rst).
fn frame(word: u64) -> Frame {
    const PRESENT: u64 = 1 << 63;
    const NUMBER: u64 = (1 << 55) - 1;
    match (word & PRESENT, word & NUMBER) {
        (0, _) => Frame::Absent,
        (_, 0) => Frame::Refused,
        (_, number) => Frame::Found(number),
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::{getpid, getppid};

    use super::*;
    use crate::count::session::page;

    #[test]
    fn a_word_of_pagemap_has_a_frame_or_none() {
        assert_eq!(frame(1 << 63 | 0x1234), Frame::Found(0x1234));
        assert_eq!(frame(1 << 63 | 1 << 61 | 7), Frame::Found(7));
        assert_eq!(frame(1 << 63), Frame::Refused);
        assert_eq!(frame(0x1234), Frame::Absent);
    }

    #[test]
    fn only_pages_of_descendants_are_looked_up() {
        let (own, parent) = (std::process::id(), getppid());
        assert!(pagemap(own, parent).is_ok());
        assert!(pagemap(own, getpid()).is_err());
        assert!(pagemap(parent.as_raw().cast_unsigned(), parent).is_err());
        assert!(pagemap(u32::MAX, parent).is_err());
    }

    /// Asks about a page of this process.
    fn ask(lookup: &mut PfnLookup) -> u32 {
        let request = &lookup.page.shared().frames;
        request.process.store(std::process::id(), Relaxed);
        let here = std::ptr::from_ref(request).addr() as u64;
        request.address.store(here, Relaxed);
        request.asked.fetch_add(1, Relaxed);
        lookup.tick();
        let request = &lookup.page.shared().frames;
        assert_eq!(request.answered.load(Relaxed), request.asked.load(Relaxed));
        request.result.load(Relaxed)
    }

    #[test]
    fn requests_inside_a_scenario_and_beyond_the_limit_are_refused() {
        let mut lookup = PfnLookup::open(Rc::new(page::anonymous()), getppid());
        // Without privileges, the kernel shows 0 in place of the number.
        let answer = ask(&mut lookup);
        let expected = if nix::unistd::geteuid().is_root() {
            FRAME_FOUND
        } else {
            FRAME_REFUSED
        };
        assert_eq!(answer, expected);

        let cell = |number| lookup.page.shared().slots[3].cell.store(number, Relaxed);
        cell(1);
        assert!(lookup.is_in_a_scenario());
        cell(0);
        assert!(!lookup.is_in_a_scenario());
        lookup.left = 1;
        assert_eq!(ask(&mut lookup), expected);
        assert_eq!(ask(&mut lookup), FRAME_REFUSED);
    }

    #[test]
    fn impossible_addresses_have_no_page() {
        let pagemap = pagemap(std::process::id(), getppid()).unwrap();
        for address in [0, u64::MAX, 1 << 63, 1 << 56] {
            let word = entry(&pagemap, address);
            assert!(!matches!(
                word.map(|word| word.map(frame)),
                Ok(Some(Frame::Found(_)))
            ));
        }
        let here = std::ptr::from_ref(&pagemap).addr() as u64;
        let word = entry(&pagemap, here).unwrap().unwrap();
        assert_ne!(frame(word), Frame::Absent);
    }
}
