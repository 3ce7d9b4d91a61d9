//! Stores that copy a page, and stores that look alike and copy none.

use std::{
    fs::File,
    os::unix::fs::OpenOptionsExt as _,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
};

use anyhow::{Context as _, Result, ensure};
use libc::{MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE};
use mmap_trace_ebpf::session::Role;
use nix::{
    sched::{CpuSet, sched_setaffinity},
    sys::{
        signal::{Signal, kill, raise},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use super::{Page, faults::touch_stack, map::Map, page::Cell, writeback::file};
use crate::{sys, workload::join};

const PAGES: usize = 256;
const BYTES: usize = PAGES * 4096;
const HUGE_BYTES: usize = 2 << 20;
const BOTH: i32 = PROT_READ | PROT_WRITE;
const CHILD: usize = 1;

const ANONYMOUS: &str = "cow_copied_pages.anonymous";
const FILE: &str = "cow_copied_pages.file";
const ALL: &str = "cow_copied_pages";

/// A scenario. Its processes enter it only for their stores into the mapping, because each of them also
/// copies some pages of its own after a fork.
struct Case {
    page: Page,
    cell: Cell,
}

type Play = fn(&Case) -> Result<()>;

/// A case: its name, its function, and what must be counted.
const CASES: &[(&str, Play, &[(&str, usize)])] = &[
    (
        "first-store",
        first_store,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "zero-page",
        zero_page,
        &[(ALL, 0), ("faults.read", PAGES), ("faults.write", PAGES)],
    ),
    ("child", child, &[(ANONYMOUS, PAGES), (ALL, PAGES)]),
    (
        "child-that-ends-at-once",
        child_ends,
        &[(ANONYMOUS, PAGES), (ALL, PAGES)],
    ),
    (
        "child-that-unmaps-at-once",
        child_unmaps,
        &[(ANONYMOUS, PAGES), (ALL, PAGES)],
    ),
    (
        "parent-while-child-waits",
        parent_first,
        &[(ANONYMOUS, PAGES)],
    ),
    (
        "parent-after-child",
        parent_after,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "both",
        both,
        &[
            (ANONYMOUS, PAGES),
            (ALL, PAGES),
            ("faults.write", 2 * PAGES),
            ("main:cow_copied_pages", PAGES),
            ("writer:cow_copied_pages", 0),
        ],
    ),
    (
        "child-by-read",
        child_reads,
        &[(ANONYMOUS, PAGES), ("faults.kernel", PAGES)],
    ),
    (
        "child-of-zero-device",
        zero_device,
        &[(ANONYMOUS, PAGES), ("faults.cow", 0)],
    ),
    (
        "child-of-zero-page",
        child_of_zero_page,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "shared-memory",
        |case| shared(case, None),
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "shared-file",
        |case| shared(case, Some(&source()?)),
        &[(ALL, 0), ("faults.mkwrite", PAGES)],
    ),
    (
        "private-file",
        private_file,
        &[(FILE, PAGES), (ALL, PAGES), ("faults.cow", PAGES)],
    ),
    (
        "private-file-after-load",
        private_file_after_load,
        &[(FILE, PAGES), (ALL, PAGES)],
    ),
    (
        "private-file-of-child",
        private_file_of_child,
        &[(FILE, PAGES)],
    ),
    (
        "huge-page",
        huge_page,
        &[(ANONYMOUS, HUGE_BYTES / 4096), (ALL, HUGE_BYTES / 4096)],
    ),
    ("huge-zero-page", huge_zero_page, &[(ALL, 0)]),
    ("protected-for-a-while", protected, &[(ALL, 0)]),
    (
        "threads-after-fork",
        threads,
        &[(ANONYMOUS, 2 * PAGES), (ALL, 2 * PAGES)],
    ),
    (
        "populated-private-file",
        |case| populated(case, Some(&source()?), BOTH),
        &[(FILE, PAGES), (ALL, PAGES)],
    ),
    (
        "populated-for-reading",
        |case| populated(case, Some(&source()?), PROT_READ),
        &[(ALL, 0)],
    ),
    (
        "populated-anonymous",
        |case| populated(case, None, BOTH),
        &[(ALL, 0), ("faults.populate", PAGES)],
    ),
];

pub(super) fn play(page: Page) -> Result<()> {
    // A page that another CPU has allocated a moment ago has one user more, a list of that CPU
    // (`wp_can_reuse_anon_folio`, mm/memory.c), and is copied.
    on_cpu(0)?;
    for (name, play, expected) in CASES {
        run(page, name, *play, expected)?;
    }
    // Some machines have one CPU, where no TLB entry is ever old.
    if on_cpu(1).is_ok() {
        on_cpu(0)?;
        let cow = [(ALL, 0), ("faults.cow", PAGES)];
        run(
            page,
            "old-tlb-entries-of-a-private-file",
            stale_private_file,
            &cow,
        )?;
        let dirtied = [(ALL, 0), ("faults.mkwrite", PAGES)];
        run(
            page,
            "old-tlb-entries-of-a-shared-file",
            stale_shared_file,
            &dirtied,
        )?;
    }
    Ok(())
}

/// The kernel stores into pages that it has pinned, without an exception.
pub(super) fn pinned(page: Page) -> Result<()> {
    run(page, "pinned", child_reads_directly, &[])
}

fn run(page: Page, name: &str, play: Play, expected: &[(&str, usize)]) -> Result<()> {
    let cell = page.claim(name);
    play(&Case { page, cell }).with_context(|| name.to_owned())?;
    page.finish(cell);
    for (key, value) in expected {
        page.expect(cell, key, *value);
    }
    Ok(())
}

impl Case {
    /// Runs what a process does in the scenario.
    fn counted(&self, slot: usize, body: impl FnOnce()) {
        touch_stack();
        self.page.enter(slot, Some(self.cell));
        body();
        self.page.enter(slot, None);
    }

    fn fork(&self, body: impl FnOnce() -> Result<()>) -> Result<Pid> {
        self.page.fork(CHILD, None, Role::Writer, body)
    }

    /// Forks a child that stops before it does anything; returns when it has stopped.
    fn fork_stopped(&self, body: impl FnOnce() -> Result<()>) -> Result<Pid> {
        let child = self.fork(|| {
            raise(Signal::SIGSTOP).context("raise")?;
            body()
        })?;
        waitpid(child, Some(WaitPidFlag::WUNTRACED)).context("waitpid")?;
        Ok(child)
    }

    /// Forks a child that ends before the parent goes on, so that every page is mapped read-only.
    fn fork_in_vain(&self) -> Result<()> {
        join(self.fork(|| Ok(()))?)
    }

    /// The child stores into each page.
    fn child_stores(&self, map: &Map) -> Result<()> {
        join(self.fork(|| {
            self.counted(CHILD, || map.store_each());
            Ok(())
        })?)
    }

    fn stores(&self, map: &Map) {
        self.counted(0, || map.store_each());
    }
}

fn go_on(child: Pid) -> Result<()> {
    kill(child, Signal::SIGCONT).context("kill")?;
    join(child)
}

fn anonymous() -> Result<Map> {
    Map::new(None, BYTES, BOTH, MAP_PRIVATE).context("mmap")
}

/// Anonymous memory that has pages.
fn stored() -> Result<Map> {
    let map = anonymous()?;
    map.store_each();
    Ok(map)
}

fn source() -> Result<File> {
    file("copied", BYTES, true)
}

fn of_file(file: &File, sharing: i32) -> Result<Map> {
    Map::new(Some(file), BYTES, BOTH, sharing).context("mmap")
}

fn first_store(case: &Case) -> Result<()> {
    case.stores(&anonymous()?);
    Ok(())
}

fn zero_page(case: &Case) -> Result<()> {
    let map = anonymous()?;
    case.counted(0, || {
        map.load_each();
        map.store_each();
    });
    Ok(())
}

fn child(case: &Case) -> Result<()> {
    case.child_stores(&stored()?)
}

/// Nothing happens between the last store and the end of the process.
fn child_ends(case: &Case) -> Result<()> {
    let map = stored()?;
    join(case.fork(|| {
        case.counted(CHILD, || {
            map.store_each();
            // SAFETY: ends the child without running the parent's destructors.
            unsafe { libc::_exit(0) }
        });
        Ok(())
    })?)
}

fn child_unmaps(case: &Case) -> Result<()> {
    let map = stored()?;
    join(case.fork(|| {
        case.counted(CHILD, || {
            map.store_each();
            // SAFETY: the child uses the mapping no more.
            unsafe { libc::munmap(map.start().cast(), BYTES) };
        });
        Ok(())
    })?)
}

fn parent_first(case: &Case) -> Result<()> {
    let map = stored()?;
    let child = case.fork_stopped(|| Ok(()))?;
    case.stores(&map);
    go_on(child)
}

fn parent_after(case: &Case) -> Result<()> {
    let map = stored()?;
    case.fork_in_vain()?;
    case.stores(&map);
    Ok(())
}

/// The second of two processes is the last one that uses the page.
fn both(case: &Case) -> Result<()> {
    let map = stored()?;
    let child = case.fork_stopped(|| {
        case.counted(CHILD, || map.store_each());
        Ok(())
    })?;
    case.stores(&map);
    go_on(child)
}

/// The kernel stores on behalf of the child.
fn child_reads(case: &Case) -> Result<()> {
    let source = source()?;
    let mut map = stored()?;
    join(case.fork(|| {
        let mut read = Ok(0);
        case.counted(CHILD, || read = sys::pread(&source, map.bytes(), 0));
        ensure!(read.context("pread")? == BYTES, "a short read");
        Ok(())
    })?)
}

fn child_reads_directly(case: &Case) -> Result<()> {
    source()?;
    let direct = File::options()
        .read(true)
        .custom_flags(libc::O_DIRECT)
        .open("copied")
        .context("open(O_DIRECT)")?;
    let mut map = stored()?;
    join(case.fork(|| {
        let mut read = Ok(0);
        case.counted(CHILD, || read = sys::pread(&direct, map.bytes(), 0));
        ensure!(read.context("pread")? == BYTES, "a short read");
        Ok(())
    })?)
}

fn zero_device(case: &Case) -> Result<()> {
    let device = File::options().read(true).write(true).open("/dev/zero");
    let map = of_file(&device.context("open(/dev/zero)")?, MAP_PRIVATE)?;
    map.store_each();
    case.child_stores(&map)
}

fn child_of_zero_page(case: &Case) -> Result<()> {
    let map = anonymous()?;
    map.load_each();
    case.child_stores(&map)
}

fn shared(case: &Case, file: Option<&File>) -> Result<()> {
    let map = Map::new(file, BYTES, BOTH, MAP_SHARED).context("mmap")?;
    case.child_stores(&map)
}

fn private_file(case: &Case) -> Result<()> {
    case.stores(&of_file(&source()?, MAP_PRIVATE)?);
    Ok(())
}

fn private_file_after_load(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.load_each();
    case.stores(&map);
    Ok(())
}

/// The parent has copies of its own, which the child copies again.
fn private_file_of_child(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.store_each();
    case.child_stores(&map)
}

fn populated(case: &Case, file: Option<&File>, protection: i32) -> Result<()> {
    let mut map = None;
    let flags = MAP_PRIVATE | MAP_POPULATE;
    case.counted(0, || map = Some(Map::new(file, BYTES, protection, flags)));
    map.context("the scenario did not run")?.context("mmap")?;
    Ok(())
}

fn huge() -> Result<Map> {
    let map = Map::new(None, HUGE_BYTES, BOTH, MAP_PRIVATE).context("mmap")?;
    // Without huge pages, the counts are the same.
    let _ = map.advise(libc::MADV_HUGEPAGE);
    Ok(map)
}

/// The first store splits the huge page; each copies a small one.
fn huge_page(case: &Case) -> Result<()> {
    let map = huge()?;
    map.store_each();
    case.child_stores(&map)
}

fn huge_zero_page(case: &Case) -> Result<()> {
    let map = huge()?;
    map.load_each();
    case.stores(&map);
    Ok(())
}

fn protected(case: &Case) -> Result<()> {
    let map = stored()?;
    for protection in [PROT_READ, BOTH] {
        // SAFETY: the whole mapping, which nothing uses meanwhile.
        let changed = unsafe { libc::mprotect(map.start().cast(), BYTES, protection) };
        ensure!(
            changed == 0,
            "mprotect: {}",
            std::io::Error::last_os_error()
        );
    }
    case.stores(&map);
    Ok(())
}

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

    /// Waits until so many steps are done.
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

fn threads(case: &Case) -> Result<()> {
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
fn stale(case: &Case, map: &Map) -> Result<()> {
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
fn stale_private_file(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.store_each();
    // Newer pages take the place of these in the list of this CPU.
    let _newer = stored()?;
    case.fork_in_vain()?;
    stale(case, &map)
}

fn stale_shared_file(case: &Case) -> Result<()> {
    stale(case, &of_file(&source()?, MAP_SHARED)?)
}

/// Binds the calling thread to a CPU.
fn on_cpu(number: usize) -> nix::Result<()> {
    let mut set = CpuSet::new();
    set.set(number)?;
    sched_setaffinity(Pid::from_raw(0), &set)
}
