//! The boundary between lesson and tracer, with this test in the tracer's place.

mod common;

use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use common::{entries, fail, probe, scratch};
use memmap2::{MmapOptions, MmapRaw};
use mmap_trace_ebpf::session::{
    CELL_FINISHED, MAGIC, PAGE_BYTES, Role, SESSION_FD_ENV, SessionPage,
};
use nix::sys::memfd::{MFdFlags, memfd_create};

/// A session page as the tracer makes it, in a file that children inherit.
struct Page {
    descriptor: OwnedFd,
    memory: MmapRaw,
}

impl Page {
    fn new() -> Self {
        let descriptor = memfd_create(c"session", MFdFlags::empty()).expect("memory");
        let length = PAGE_BYTES.next_multiple_of(lessons::page_bytes());
        File::from(descriptor.try_clone().expect("a copy"))
            .set_len(length as u64)
            .expect("room");
        let memory = MmapOptions::new()
            .len(length)
            .map_raw(&descriptor)
            .expect("mappable");
        let page = Page { descriptor, memory };
        page.get().magic.store(MAGIC, Relaxed);
        page.get().page_bytes.store(PAGE_BYTES as u64, Relaxed);
        page
    }

    fn get(&self) -> &SessionPage {
        // SAFETY: mapped with PAGE_BYTES for as long as `self`; every field is an atomic.
        unsafe { &*self.memory.as_ptr().cast() }
    }

    fn lesson(&self) -> Command {
        traced(self.descriptor.as_raw_fd().to_string())
    }
}

fn traced(descriptor: impl AsRef<OsStr>) -> Command {
    let mut command = probe();
    command
        .env(SESSION_FD_ENV, descriptor)
        .args(["--only", "pipe"]);
    command
}

fn name(place: &[std::sync::atomic::AtomicU8]) -> String {
    let bytes = place.iter().map(|byte| byte.load(Relaxed));
    String::from_utf8(bytes.take_while(|byte| *byte != 0).collect()).expect("UTF-8")
}

#[test]
fn a_traced_lesson_writes_the_page_and_prints_nothing() {
    let page = Page::new();
    let place = scratch();
    let output = page
        .lesson()
        .current_dir(place.path())
        .output()
        .expect("it starts");
    assert!(output.status.success(), "{}", common::stderr(&output));
    assert!(output.stdout.is_empty(), "the tracer prints the report");

    let page = page.get();
    assert_eq!(page.scenario_count.load(Relaxed), 1);
    assert_eq!(name(&page.scenario_names[0]), "pipe");
    assert_eq!(page.cell_count.load(Relaxed), 1);
    assert_eq!(page.overflow.load(Relaxed), 0);
    let cell = &page.cells[1];
    assert_eq!(cell.state.load(Relaxed), CELL_FINISHED);
    assert_eq!(cell.work_bytes.load(Relaxed), 1024);
    assert!(cell.minor_faults.load(Relaxed) >= 64);
    assert!(cell.begin_ns.load(Relaxed) > 0);
    assert!(cell.begin_ns.load(Relaxed) <= cell.end_ns.load(Relaxed));
    for slot in &page.slots {
        assert_eq!(slot.cell.load(Relaxed), 0, "every slot is free again");
        assert_eq!(slot.child_slot.load(Relaxed), 0);
    }
    let roles: Vec<u32> = page.slots[..3]
        .iter()
        .map(|slot| slot.role.load(Relaxed))
        .collect();
    assert_eq!(
        roles,
        [0, 2, 0],
        "the sender's slot was free again for the receiver"
    );
    let all = [Role::Main, Role::Sender, Role::Receiver];
    assert_eq!(
        cell.roles.load(Relaxed),
        all.map(Role::bit).iter().sum::<u32>(),
        "the round names every role that took part"
    );
}

#[test]
fn a_traced_lesson_works_in_its_directory_and_leaves_cleaning_up_to_the_tracer() {
    let page = Page::new();
    let place = scratch();
    let mut command = probe();
    command.env(SESSION_FD_ENV, page.descriptor.as_raw_fd().to_string());
    command
        .args(["--only", "fails", "--directory", "."])
        .current_dir(place.path());
    assert!(fail(&mut command, 1).contains("on purpose"));
    assert_eq!(
        entries(place.path()),
        [place.path().join("left")],
        "the lesson must not clean up"
    );
}

#[test]
fn descriptors_of_anything_but_a_session_page_are_rejected() {
    let short = tempfile::tempfile().expect("a file");
    let long = tempfile::tempfile().expect("a file");
    long.set_len(2 * PAGE_BYTES as u64).expect("room");
    let (_reader, writer) = std::io::pipe().expect("a pipe");
    for file in [short.as_raw_fd(), long.as_raw_fd(), writer.as_raw_fd()] {
        // SAFETY: the descriptor stays open; children are to inherit it.
        unsafe { libc::fcntl(file, libc::F_SETFD, 0) };
    }
    for (descriptor, said) in [
        ("", "is not a descriptor"),
        ("three", "is not a descriptor"),
        ("-1", "the tracer never passes descriptor -1"),
        ("1", "the tracer never passes descriptor 1"),
        ("987654", "EBADF"),
        (&short.as_raw_fd().to_string(), "too short"),
        (&long.as_raw_fd().to_string(), "magic"),
        (&writer.as_raw_fd().to_string(), "mmap(session page)"),
    ] {
        let told = fail(&mut traced(descriptor), 2);
        assert!(told.contains(said), "{descriptor}: {told}");
        assert!(
            told.starts_with("error: MMAP_TRACE_SESSION_FD names no session page"),
            "{told}"
        );
    }
}

#[test]
fn a_session_page_of_another_build_is_rejected() {
    let page = Page::new();
    page.get().page_bytes.store(8, Relaxed);
    assert!(fail(&mut page.lesson(), 2).contains("different builds"));
}
