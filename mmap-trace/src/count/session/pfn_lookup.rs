//! The tracer's one service: page frame numbers, which the kernel tells to privileged processes only.
//!
//! The lesson is not trusted: it learns something about its own processes, outside of its scenarios, and
//! a limited number of times.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    rc::Rc,
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
    time::Duration,
};

use mmap_trace_ebpf::session::{FRAME_ABSENT, FRAME_FOUND, FRAME_REFUSED, PfnRequest};

use super::{membership::Membership, page::Page};
use crate::count::kernel::page_size::page_bytes;

/// Answers of one run; lesson 8 needs about fifty.
const ANSWERS: u32 = 4096;
/// A lesson that has never asked is perturbed this often.
const IDLE: Duration = Duration::from_millis(50);
/// One that has asked will ask again.
const BUSY: Duration = Duration::from_millis(1);

/// The desk at which questions are answered.
pub struct PfnLookup {
    page: Rc<Page>,
    membership: Membership,
    answered: u32,
    left: u32,
}

/// What `/proc/PID/pagemap` says about one page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    Found(u64),
    Absent,
    Refused,
}

impl PfnLookup {
    /// Opens the desk for members.
    #[must_use]
    pub fn open(page: Rc<Page>, membership: Membership) -> Self {
        page.shared().frames.open.store(1, Relaxed);
        PfnLookup {
            page,
            membership,
            answered: 0,
            left: ANSWERS,
        }
    }

    /// How long nobody needs to look.
    #[must_use]
    pub fn pause(&self) -> Duration {
        if self.answered == 0 { IDLE } else { BUSY }
    }

    /// Answers the question that is on the desk, if there is a new one.
    pub fn tick(&mut self) {
        let desk = &self.page.shared().frames;
        let asked = desk.asked.load(Acquire);
        if asked == self.answered {
            return;
        }
        let frame = match self.left {
            0 => Frame::Refused,
            _ if self.is_in_a_scenario() => Frame::Refused,
            _ => self.look_up(desk),
        };
        self.left = self.left.saturating_sub(1);
        self.answered = asked;
        let (result, number) = match frame {
            Frame::Found(number) => (FRAME_FOUND, number),
            Frame::Absent => (FRAME_ABSENT, 0),
            Frame::Refused => (FRAME_REFUSED, 0),
        };
        desk.frame.store(number, Relaxed);
        desk.result.store(result, Relaxed);
        desk.answered.store(asked, Release);
    }

    /// Waiting for an answer would show in the scenario's counts.
    fn is_in_a_scenario(&self) -> bool {
        let slots = &self.page.shared().slots;
        slots.iter().any(|slot| slot.cell.load(Relaxed) != 0)
    }

    fn look_up(&self, desk: &PfnRequest) -> Frame {
        let process = desk.process.load(Relaxed);
        let address = desk.address.load(Relaxed);
        pagemap(process, self.membership)
            .and_then(|pagemap| entry(&pagemap, address))
            .map_or(Frame::Refused, |word| word.map_or(Frame::Absent, frame))
    }
}

/// The page map of a member. Both files are looked up in one open directory, which stays that of the
/// same process when its number goes to another one.
fn pagemap(process: u32, membership: Membership) -> io::Result<File> {
    // Whoever may not unshare may not see frame numbers either: both need CAP_SYS_ADMIN.
    let Membership::Namespace(number) = membership else {
        return Err(io::ErrorKind::PermissionDenied.into());
    };
    let directory = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECTORY)
        .open(format!("/proc/{process}"))?;
    let inside = format!(
        "/proc/self/fd/{}",
        std::os::fd::AsRawFd::as_raw_fd(&directory)
    );
    let pagemap = File::open(format!("{inside}/pagemap"))?;
    let namespace = std::fs::metadata(format!("{inside}/ns/uts"))?.ino();
    if namespace == u64::from(number) {
        Ok(pagemap)
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// One 64-bit word a page; `None` behind the end of the address space.
fn entry(pagemap: &File, address: u64) -> io::Result<Option<u64>> {
    let mut word = [0; 8];
    let offset = address / page_bytes() as u64 * word.len() as u64;
    match pagemap.read_at(&mut word, offset)? {
        8 => Ok(Some(u64::from_ne_bytes(word))),
        _ => Ok(None),
    }
}

/// Bit 63: present; bits 0–54: the page frame number, or 0 for those who may not know
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
    use super::*;
    use crate::count::session::page;

    fn own_number() -> u32 {
        let number = std::fs::metadata("/proc/self/ns/uts").unwrap().ino();
        u32::try_from(number).unwrap()
    }

    fn own_namespace() -> Membership {
        Membership::Namespace(own_number())
    }

    #[test]
    fn a_word_of_pagemap_is_a_frame_or_none() {
        assert_eq!(frame(1 << 63 | 0x1234), Frame::Found(0x1234));
        assert_eq!(frame(1 << 63 | 1 << 61 | 7), Frame::Found(7));
        assert_eq!(frame(1 << 63), Frame::Refused);
        assert_eq!(frame(0x1234), Frame::Absent);
    }

    #[test]
    fn only_members_are_told_about() {
        let own = std::process::id();
        assert!(pagemap(own, own_namespace()).is_ok());
        assert!(pagemap(own, Membership::Namespace(own_number() ^ 1)).is_err());
        assert!(pagemap(own, Membership::Table).is_err());
        assert!(pagemap(u32::MAX, own_namespace()).is_err());
    }

    /// Asks about a page of this process.
    fn ask(frames: &mut PfnLookup) -> u32 {
        let desk = &frames.page.shared().frames;
        desk.process.store(std::process::id(), Relaxed);
        let here = std::ptr::from_ref(desk).addr() as u64;
        desk.address.store(here, Relaxed);
        desk.asked.fetch_add(1, Relaxed);
        frames.tick();
        let desk = &frames.page.shared().frames;
        assert_eq!(desk.answered.load(Relaxed), desk.asked.load(Relaxed));
        desk.result.load(Relaxed)
    }

    #[test]
    fn nothing_is_told_inside_a_scenario_or_too_often() {
        let mut frames = PfnLookup::open(Rc::new(page::anonymous()), own_namespace());
        // Without privilege the kernel shows the word, and 0 in place of the number.
        let told = ask(&mut frames);
        let expected = if nix::unistd::geteuid().is_root() {
            FRAME_FOUND
        } else {
            FRAME_REFUSED
        };
        assert_eq!(told, expected);

        let cell = |number| frames.page.shared().slots[3].cell.store(number, Relaxed);
        cell(1);
        assert!(frames.is_in_a_scenario());
        cell(0);
        assert!(!frames.is_in_a_scenario());
        frames.left = 1;
        assert_eq!(ask(&mut frames), expected);
        assert_eq!(ask(&mut frames), FRAME_REFUSED);
    }

    #[test]
    fn addresses_that_no_process_has_are_no_pages() {
        let pagemap = pagemap(std::process::id(), own_namespace()).unwrap();
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
