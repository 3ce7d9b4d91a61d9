//! What the scenarios of `copy_on_write` do in two threads, on two CPUs if there are two.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use anyhow::{Context as _, Result};
use libc::{MAP_PRIVATE, MAP_SHARED};
use nix::{
    sched::{CpuSet, sched_setaffinity},
    unistd::Pid,
};

use super::{
    copy_case::{BOTH, Case, go_on, stored},
    faults::touch_stack,
    map::Map,
    stores::{of_file, source},
};

/// Steps of several threads, in memory that no store copies.
struct Steps(Map);

impl Steps {
    fn new() -> Result<Self> {
        let map = Map::new(None, 4096, BOTH, MAP_SHARED).context("mmap")?;
        map.store_each();
        let steps = Steps(map);
        steps.done().store(0, SeqCst);
        Ok(steps)
    }

    fn done(&self) -> &AtomicUsize {
        // SAFETY: the mapping is aligned and lives as long as `self`.
        unsafe { AtomicUsize::from_ptr(self.0.start().cast()) }
    }

    /// Waits until this number of steps is done.
    fn wait(&self, steps: usize) {
        while self.done().load(SeqCst) < steps {
            std::thread::yield_now();
        }
    }

    fn add(&self) {
        self.done().fetch_add(1, SeqCst);
    }
}

/// Runs both in the scenario; the second one in a thread on the second CPU, if there is one.
fn two_threads(
    case: &Case,
    first: impl FnOnce(&Steps),
    second: impl FnOnce(&Steps) + Send,
) -> Result<()> {
    let steps = &Steps::new()?;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let _ = on_cpu(1);
            touch_stack();
            steps.add();
            second(steps);
            // The thread ends outside of the scenario.
            steps.wait(usize::MAX);
        });
        steps.wait(1);
        case.counted(0, || first(steps));
        steps.done().store(usize::MAX, SeqCst);
    });
    Ok(())
}

// SAFETY: the threads use different pages, or one after another.
unsafe impl Sync for Map {}

pub(super) fn threads(case: &Case) -> Result<()> {
    let maps = [stored()?, stored()?];
    let child = case.fork_stopped(|| Ok(()))?;
    two_threads(
        case,
        |steps| {
            steps.add();
            maps[0].store_each();
            steps.wait(3);
        },
        |steps| {
            steps.wait(2);
            maps[1].store_each();
            steps.add();
        },
    )?;
    go_on(child)
}

/// One CPU loads the pages, another stores, and the first stores too: it has looked up the pages before they
/// became writable.
pub(super) fn stale(case: &Case, map: &Map) -> Result<()> {
    two_threads(
        case,
        |steps| {
            map.load_each();
            steps.add();
            steps.wait(3);
            map.store_each();
        },
        |steps| {
            steps.wait(2);
            map.store_each();
            steps.add();
        },
    )
}

/// Nothing else uses the copies any more, so they become writable and are not copied again.
pub(super) fn stale_private_file(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.store_each();
    // Newer pages take the place of these in the list of this CPU.
    let _newer = stored()?;
    case.fork_in_vain()?;
    stale(case, &map)
}

pub(super) fn stale_shared_file(case: &Case) -> Result<()> {
    stale(case, &of_file(&source()?, MAP_SHARED)?)
}

/// Binds the calling thread to a CPU.
pub(super) fn on_cpu(number: usize) -> nix::Result<()> {
    let mut set = CpuSet::new();
    set.set(number)?;
    sched_setaffinity(Pid::from_raw(0), &set)
}
