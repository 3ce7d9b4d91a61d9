//! The store's process is killed with SIGKILL, at 200 random steps and at moments that nobody chose.

use std::collections::BTreeMap;
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
use crate::history::{History, Witness, options};
use crate::store::{Durability, Steps, Store};

/// Histories, and kills of each: 200 together.
const HISTORIES: u64 = 8;
const KILLS: u64 = 25;

/// What the killed process had done, in memory that survives it.
#[derive(Default)]
struct Progress {
    done: AtomicUsize,
    journaled: AtomicUsize,
    applied: AtomicUsize,
}

impl Witness for &Progress {
    fn done(&mut self, requests: usize) {
        self.done.store(requests, SeqCst);
    }
    fn journaled(&mut self, requests: usize) {
        self.journaled.store(requests, SeqCst);
    }
    fn applied(&mut self, requests: usize) {
        self.applied.store(requests, SeqCst);
    }
    fn flushed(&mut self, _: usize, _: &Store) {}
}

fn open(place: &Path, durability: Durability) -> Store {
    let options = options(durability, Steps::unlimited());
    Store::open(place, options).expect("what a crash leaves can be opened")
}

/// Plays the history in a process of its own, which kills itself after so many steps.
fn start(history: &History, place: &Path, progress: &Progress, steps: Option<u64>) -> Pid {
    // SAFETY: the child runs this thread alone; the C library keeps its allocator usable across fork, and
    // nothing else of other threads is touched before `_exit`.
    match unsafe { fork() }.expect("fork") {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let mut store = open(place, Durability::Journal);
            if let Some(steps) = steps {
                store.kill_after(steps);
            }
            let played = history.play(&mut store, &mut &*progress);
            // SAFETY: ends the process without the test's exit handlers.
            unsafe { libc::_exit(i32::from(played.is_err())) }
        }
    }
}

/// A directory without a device to wait for: what SIGKILL leaves of a store is in the page cache, and a file
/// of tmpfs is nothing else. The other kills, and those of the lesson, are of stores on a disk.
fn in_memory() -> TempDir {
    TempDir::with_prefix_in("mmap-trace-test-", "/dev/shm").expect("/dev/shm is writable")
}

/// Steps of the whole history.
fn rehearse(history: &History) -> u64 {
    let place = in_memory();
    let mut store = open(place.path(), Durability::Journal);
    let opened = store.steps();
    history
        .play(&mut store, &mut &Progress::default())
        .expect("well-formed");
    store.steps() - opened
}

/// What a kill did to the store; each kill has three of these ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    LostNoRequest,
    LostWhatWasNotJournaled,
    NeededNoJournal,
    NeededTheJournal,
    FilesWereWhole,
    FilesWereBroken,
}

#[test]
fn after_200_kills_between_two_steps_every_state_is_explained() {
    let ends: Vec<End> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..HISTORIES)
            .map(|seed| scope.spawn(move || kill_and_explain(seed)))
            .collect();
        let ends = threads
            .into_iter()
            .map(|thread| thread.join().expect("explained"));
        ends.flatten().flatten().collect()
    });
    let mut seen = BTreeMap::new();
    for end in &ends {
        *seen.entry(*end).or_insert(0) += 1;
    }
    println!("{seen:?}");
    assert_eq!(ends.len() as u64, 3 * HISTORIES * KILLS);
    assert_eq!(seen.len(), 6, "a kind of end was never seen: {seen:?}");
}

/// Plays one history again and again, and kills it.
fn kill_and_explain(seed: u64) -> Vec<[End; 3]> {
    let history = History::drawn(seed);
    let steps = rehearse(&history);
    let kill = |number| {
        let stop = mix(seed * KILLS + number) % steps;
        let place = in_memory();
        let progress = Shared::<Progress>::new().expect("memory");
        let child = start(&history, place.path(), &progress, Some(stop));
        let status = waitpid(child, None).expect("our child");
        let expected = WaitStatus::Signaled(child, Signal::SIGKILL, false);
        assert_eq!(status, expected, "seed {seed}, {stop} steps");
        explain(&history, place.path(), &progress, (seed, stop))
    };
    (0..KILLS).map(kill).collect()
}

/// Between two steps the progress is exact, so there is one state that the store must be in.
fn explain(history: &History, place: &Path, progress: &Progress, at: (u64, u64)) -> [End; 3] {
    let done = progress.done.load(SeqCst);
    let journaled = progress.journaled.load(SeqCst);
    let applied = progress.applied.load(SeqCst);

    let files_alone = open(place, Durability::Nothing).check();
    let files = match &files_alone {
        Ok(_) => End::FilesWereWhole,
        Err(_) => End::FilesWereBroken,
    };
    let journal = if journaled == applied {
        let documents = files_alone.expect("nobody was writing to the data files");
        assert_eq!(documents, history.states[applied], "the files, {at:?}");
        End::NeededNoJournal
    } else {
        End::NeededTheJournal
    };

    let mut store = open(place, Durability::Journal);
    let documents = store.check().expect("whole after recovery");
    assert_eq!(documents, history.states[journaled], "recovered, {at:?}");
    goes_on(&mut store, place);
    let lost = if done == journaled {
        End::LostNoRequest
    } else {
        End::LostWhatWasNotJournaled
    };
    [lost, journal, files]
}

/// A recovered store takes documents, and keeps them.
fn goes_on(store: &mut Store, place: &Path) {
    let mut document = Vec::new();
    crate::store::compose(&mut document, u64::MAX, 0, 500);
    store.insert(&document).expect("room");
    store.commit().expect("room");
    let documents = open(place, Durability::Nothing).check().expect("whole");
    assert_eq!(documents.get(&u64::MAX), Some(&document));
}

#[test]
fn a_kill_at_any_moment_loses_no_group_whose_write_has_returned() {
    let history = History::drawn(99);
    for number in 0..40 {
        let place = scratch();
        let progress = Shared::<Progress>::new().expect("memory");
        let child = start(&history, place.path(), &progress, None);
        std::thread::sleep(Duration::from_micros(mix(number) % 30_000));
        kill(child, Signal::SIGKILL).expect("our child, if only as a zombie");
        waitpid(child, None).expect("our child");
        let journaled = progress.journaled.load(SeqCst);
        let documents = open(place.path(), Durability::Journal).check();
        let documents = documents.expect("whole after recovery");
        // The write may have come to its end without anybody noting it.
        let mut possible = history.group_ends().filter(|end| *end >= journaled).take(2);
        assert!(
            possible.any(|end| documents == history.states[end]),
            "kill {number}: not the state after {journaled} requests, nor after the next group"
        );
    }
}

#[test]
fn without_a_journal_some_kills_leave_a_broken_store() {
    let history = History::drawn(5);
    let mut broken = 0;
    for number in 0..20 {
        let place = scratch();
        let mut store = open(place.path(), Durability::Nothing);
        // SAFETY: as in `start`.
        let child = match unsafe { fork() }.expect("fork") {
            ForkResult::Parent { child } => child,
            ForkResult::Child => {
                store.kill_after(mix(number) % 300);
                let played = history.play(&mut store, &mut &Progress::default());
                // SAFETY: ends the process without the test's exit handlers.
                unsafe { libc::_exit(i32::from(played.is_err())) }
            }
        };
        let status = waitpid(child, None).expect("our child");
        assert_eq!(status, WaitStatus::Signaled(child, Signal::SIGKILL, false));
        broken += u32::from(store.check().is_err());
    }
    assert!(broken > 0, "20 kills, and none hit a request in the middle");
}
