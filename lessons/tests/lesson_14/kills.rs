//! SIGKILL hits the process of the store at 200 random steps, and at arbitrary moments.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use lessons::data::mix;
use lessons::shared::Shared;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};
use tempfile::TempDir;

use crate::common::scratch;
use crate::history::{History, Observer, open};
use crate::store::{Durability, Steps, Store, compose};

const HISTORIES: u64 = 8;
const KILLS_PER_HISTORY: u64 = 25;

/// How far the killed process came, in memory that survives it.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    journaled: AtomicUsize,
    applied: AtomicUsize,
}

impl Observer for &Progress {
    fn done(&mut self, requests: usize) {
        self.done.store(requests, SeqCst);
    }
    fn journaled(&mut self, requests: usize) {
        self.journaled.store(requests, SeqCst);
    }
    fn applied(&mut self, requests: usize) {
        self.applied.store(requests, SeqCst);
    }
}

fn recovered(directory: &Path) -> Store {
    open(directory, Durability::Journal, Steps::default())
}

/// Plays the history in a child process.
fn start(history: &History, directory: &Path, progress: &Progress, steps: Steps) -> Pid {
    // SAFETY: the child runs this thread alone; the C library keeps its allocator usable across fork, and
    // the child touches nothing else of other threads before `_exit`.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let mut store = open(directory, Durability::Journal, steps);
            let played = history.play(&mut store, &mut &*progress);
            // SAFETY: this ends the process without the test's exit handlers.
            unsafe { libc::_exit(i32::from(played.is_err())) }
        }
    }
}

/// Makes a directory on tmpfs: after SIGKILL a store is in the page cache, so that no device is needed.
fn in_memory() -> TempDir {
    TempDir::with_prefix_in("mmap-trace-test-", "/dev/shm").expect("/dev/shm is writable")
}

/// What a kill did to the store.
struct Effects {
    lost_requests: bool,
    needed_journal: bool,
    broke_files: bool,
}

#[test]
fn after_a_kill_between_two_steps_the_store_holds_the_journaled_state() {
    let effects: Vec<Effects> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..HISTORIES)
            .map(|seed| scope.spawn(move || kill_and_examine(seed)))
            .collect();
        let effects = threads.into_iter().map(|it| it.join().expect("no failure"));
        effects.flatten().collect()
    });
    assert_eq!(effects.len() as u64, HISTORIES * KILLS_PER_HISTORY);
    let effects_of: [fn(&Effects) -> bool; 3] = [
        |it| it.lost_requests,
        |it| it.needed_journal,
        |it| it.broke_files,
    ];
    for (number, is_seen) in effects_of.into_iter().enumerate() {
        let seen = effects.iter().filter(|it| is_seen(it)).count();
        let all = effects.len();
        assert!(0 < seen && seen < all, "effect {number}: {seen} of {all}");
    }
}

/// Plays one history again and again, and kills each play at another step.
fn kill_and_examine(seed: u64) -> Vec<Effects> {
    let history = History::from_seed(seed);
    let rehearsal = in_memory();
    let mut store = recovered(rehearsal.path());
    let opened = store.steps();
    history.play(&mut store, &mut ()).expect("a valid history");
    let steps = store.steps() - opened;
    let kill = |number| {
        let stop = opened + mix(seed * KILLS_PER_HISTORY + number) % steps;
        let directory = in_memory();
        let progress = Shared::<Progress>::new().expect("memory");
        let limit = Steps::killed_after(stop);
        let child = start(&history, directory.path(), &progress, limit);
        let status = waitpid(child, None).expect("a child of this process");
        let expected = WaitStatus::Signaled(child, Signal::SIGKILL, false);
        assert_eq!(status, expected, "seed {seed}, {stop} steps");
        examine(&history, directory.path(), &progress, (seed, stop))
    };
    (0..KILLS_PER_HISTORY).map(kill).collect()
}

/// Between two steps the progress is exact, so the store can be in one state only.
fn examine(history: &History, directory: &Path, progress: &Progress, at: (u64, u64)) -> Effects {
    let done = progress.done.load(SeqCst);
    let journaled = progress.journaled.load(SeqCst);
    let applied = progress.applied.load(SeqCst);

    let files = open(directory, Durability::Nothing, Steps::default()).check();
    let broke_files = files.is_err();
    if journaled == applied {
        let documents = files.expect("nothing was being stored into the data files");
        assert_eq!(documents, history.states[applied], "data files, {at:?}");
    }

    let mut store = recovered(directory);
    let documents = store.check().expect("recovery leaves an intact store");
    assert_eq!(documents, history.states[journaled], "recovered, {at:?}");
    store_keeps_a_new_document(&mut store, directory);
    Effects {
        lost_requests: done != journaled,
        needed_journal: journaled != applied,
        broke_files,
    }
}

fn store_keeps_a_new_document(store: &mut Store, directory: &Path) {
    let mut document = Vec::new();
    compose(&mut document, u64::MAX, 0, 500);
    store.insert(&document).expect("room");
    store.commit().expect("room");
    let store = open(directory, Durability::Nothing, Steps::default());
    let documents = store.check().expect("an intact store");
    assert_eq!(documents.get(&u64::MAX), Some(&document));
}

#[test]
fn a_kill_at_any_moment_loses_no_journaled_group() {
    let history = History::from_seed(99);
    for number in 0..40 {
        let directory = scratch();
        let progress = Shared::<Progress>::new().expect("memory");
        let child = start(&history, directory.path(), &progress, Steps::default());
        std::thread::sleep(Duration::from_micros(mix(number) % 30_000));
        kill(child, Signal::SIGKILL).expect("a child of this process");
        waitpid(child, None).expect("a child of this process");
        let journaled = progress.journaled.load(SeqCst);
        let documents = recovered(directory.path()).check();
        let documents = documents.expect("recovery leaves an intact store");
        // The kill may come after the write and before the child records it.
        let mut possible = history.group_ends().filter(|end| *end >= journaled).take(2);
        assert!(
            possible.any(|end| documents == history.states[end]),
            "kill {number}: neither the state after {journaled} requests nor after the next group"
        );
    }
}
