//! Every kind of page fault, once to warm up the program and once as a scenario.

use std::{fs::File, io, os::unix::process::CommandExt as _, process::Command};

use anyhow::{Context as _, Result, bail, ensure};
use libc::{MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE};

use super::{Page, failing, map::Map, writeback::file};
use crate::{
    sys,
    workload::{in_child, join},
};

const PAGES: usize = 256;
const BYTES: usize = PAGES * 4096;

/// Runs the part of a case that is counted.
pub(super) type Scenario<'a> = &'a mut dyn FnMut(&mut dyn FnMut() -> Result<()>) -> Result<()>;

/// A case: its name, its function, and the counts known beside those of getrusage.
type Case = (
    &'static str,
    fn(&File, Scenario) -> Result<()>,
    &'static [(&'static str, usize)],
);

const CASES: &[Case] = &[
    (
        "nothing",
        |_, run| run(&mut || Ok(())),
        &[("faults", 0), ("syscalls", 0)],
    ),
    (
        "anonymous-store",
        anonymous,
        &[
            ("faults.user", PAGES),
            ("faults.write", PAGES),
            ("faults.cow", 0),
        ],
    ),
    (
        "warm-load",
        |file, run| load(file, Cache::Warm, run),
        &[("faults.write", 0), ("faults.major", 0)],
    ),
    (
        "cold-load",
        |file, run| load(file, Cache::Cold, run),
        &[("faults.write", 0)],
    ),
    (
        "cold-load-random",
        |file, run| load(file, Cache::ColdRandom, run),
        &[("faults.major", PAGES)],
    ),
    (
        "private-store",
        private,
        &[
            ("faults.cow", PAGES),
            ("faults.mkwrite", 0),
            ("faults", PAGES),
        ],
    ),
    (
        "private-store-after-load",
        after_load,
        &[("faults.cow", PAGES), ("faults.mkwrite", 0)],
    ),
    (
        "shared-store",
        shared,
        &[
            ("faults.mkwrite", PAGES),
            ("faults.cow", 0),
            ("faults", PAGES),
        ],
    ),
    (
        "private-store-zero-device",
        |_, run| private(&zero_device()?, run),
        &[
            ("faults.cow", 0),
            ("faults.mkwrite", 0),
            ("faults.write", PAGES),
        ],
    ),
    (
        "private-store-zero-device-after-load",
        |_, run| after_load(&zero_device()?, run),
        &[
            ("faults.cow", 0),
            ("faults.read", PAGES),
            ("faults.write", PAGES),
        ],
    ),
    (
        "shared-store-zero-device",
        |_, run| shared(&zero_device()?, run),
        &[("faults.cow", 0), ("faults.mkwrite", PAGES)],
    ),
    (
        "populate",
        populate,
        &[
            ("faults.user", 0),
            ("faults.kernel", 0),
            ("faults.major", 0),
        ],
    ),
    (
        "populate-anonymous",
        populate_anonymous,
        &[("faults.user", 0), ("faults.populate", PAGES)],
    ),
    (
        "advise-populate-read",
        advise,
        &[("faults.user", 0), ("faults.kernel", 0)],
    ),
    (
        "read-into-untouched",
        read_into,
        &[("faults.kernel", PAGES), ("faults.user", 0)],
    ),
    (
        "write-from-untouched",
        write_from,
        &[("faults.user", 0), ("faults.write", 0)],
    ),
    (
        "direct-from-mapping",
        direct,
        &[("faults.user", 0), ("faults.kernel", 0)],
    ),
    (
        "segv-handled",
        failing::segv,
        &[("faults_failed", 16), ("faults", 16)],
    ),
    (
        "sigbus-handled",
        failing::bus,
        &[("faults_failed", 1), ("faults", 1)],
    ),
    (
        "efault",
        failing::efault,
        &[("faults", 0), ("copied_to_user_bytes", 0)],
    ),
    ("threads", threads, &[("faults_failed", 0)]),
    ("fork-and-store", forked, &[("faults_failed", 0)]),
    ("exec", |_, run| run(&mut || executed(&mut || Ok(()))), &[]),
    ("exec-by-a-thread", executed_by_thread, &[]),
    ("vfork-and-exec", spawned, &[]),
];

/// Touches the stack that signal frames may need below the frames of the warm-up.
#[allow(
    clippy::large_stack_arrays,
    reason = "the stack is what is to be touched"
)]
pub(super) fn touch_stack() {
    std::hint::black_box([1_u8; 16 << 10]);
}

pub(super) fn play(page: Page) -> Result<()> {
    touch_stack();
    let source = file("source", BYTES, true)?;
    for (name, case, expected) in CASES {
        let prepared = || -> Result<()> {
            sys::sync(libc::SYS_fsync, &source)?;
            sys::pread(&source, &mut vec![0; BYTES], 0)?;
            Ok(())
        };
        prepared()?;
        case(&source, &mut |body| body()).with_context(|| format!("warming up {name}"))?;
        prepared()?;
        let mut measured = None;
        case(&source, &mut |body| {
            let (cell, result) = page.scenario(name, body);
            measured = Some(cell);
            result
        })
        .with_context(|| (*name).to_owned())?;
        let cell = measured.with_context(|| format!("{name} ran nothing"))?;
        for (key, value) in *expected {
            page.expect(cell, key, *value);
        }
    }
    Ok(())
}

fn anonymous(_: &File, run: Scenario) -> Result<()> {
    let map = Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    run(&mut || {
        map.store_each();
        Ok(())
    })
}

/// What is in the page cache.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cache {
    Warm,
    Cold,
    ColdRandom,
}

fn load(file: &File, cache: Cache, run: Scenario) -> Result<()> {
    if cache != Cache::Warm {
        sys::drop_cache(file)?;
    }
    let map = Map::new(Some(file), BYTES, PROT_READ, MAP_SHARED)?;
    if cache == Cache::ColdRandom {
        map.advise(libc::MADV_RANDOM)?;
    }
    run(&mut || {
        map.load_each();
        Ok(())
    })
}

fn private(file: &File, run: Scenario) -> Result<()> {
    let map = Map::new(Some(file), BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    run(&mut || {
        map.store_each();
        Ok(())
    })
}

fn after_load(file: &File, run: Scenario) -> Result<()> {
    let map = Map::new(Some(file), BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    run(&mut || {
        map.load_each();
        map.store_each();
        Ok(())
    })
}

/// The device whose private mappings are anonymous memory (`mmap_zero`, drivers/char/mem.c).
fn zero_device() -> Result<File> {
    File::options()
        .read(true)
        .write(true)
        .open("/dev/zero")
        .context("cannot open /dev/zero")
}

fn shared(file: &File, run: Scenario) -> Result<()> {
    let map = Map::new(Some(file), BYTES, PROT_READ | PROT_WRITE, MAP_SHARED)?;
    run(&mut || {
        map.store_each();
        Ok(())
    })
}

fn populate(file: &File, run: Scenario) -> Result<()> {
    let mut map = None;
    run(&mut || {
        map = Some(Map::new(
            Some(file),
            BYTES,
            PROT_READ,
            MAP_SHARED | MAP_POPULATE,
        )?);
        Ok(())
    })
}

fn populate_anonymous(_: &File, run: Scenario) -> Result<()> {
    let mut map = None;
    run(&mut || {
        map = Some(Map::new(
            None,
            BYTES,
            PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_POPULATE,
        )?);
        Ok(())
    })
}

fn advise(file: &File, run: Scenario) -> Result<()> {
    let map = Map::new(Some(file), BYTES, PROT_READ, MAP_SHARED)?;
    run(&mut || map.advise(libc::MADV_POPULATE_READ).context("madvise"))
}

fn read_into(file: &File, run: Scenario) -> Result<()> {
    let mut map = Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    run(&mut || {
        ensure!(sys::pread(file, map.bytes(), 0)? == BYTES);
        Ok(())
    })
}

fn write_from(source: &File, run: Scenario) -> Result<()> {
    let target = file("target", BYTES, true)?;
    let mut map = Map::new(Some(source), BYTES, PROT_READ, MAP_SHARED)?;
    run(&mut || {
        ensure!(sys::pwrite(&target, map.bytes(), 0)? == BYTES);
        Ok(())
    })
}

/// `get_user_pages` pins the pages, which faults them in without an exception.
fn direct(source: &File, run: Scenario) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    file("target", BYTES, true)?;
    let target = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open("target")?;
    let mut map = Map::new(Some(source), BYTES, PROT_READ, MAP_SHARED)?;
    run(&mut || {
        ensure!(sys::pwrite(&target, map.bytes(), 0).context("pwrite(O_DIRECT)")? == BYTES);
        Ok(())
    })
}

fn threads(_: &File, run: Scenario) -> Result<()> {
    run(&mut || {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let map = Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
                        map.store_each();
                        io::Result::Ok(())
                    })
                })
                .collect();
            for worker in workers {
                worker
                    .join()
                    .unwrap_or_else(|_| Err(io::Error::other("a thread panicked")))?;
            }
            Ok(())
        })
    })
}

/// A child that stores into fresh memory and then becomes another program.
fn executed(prepare: &mut dyn FnMut() -> Result<()>) -> Result<()> {
    join(in_child(|| {
        prepare()?;
        Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?.store_each();
        Err(Command::new("true").exec()).context("exec")
    })?)
}

/// The same in a thread: it takes over the id of the leader, which has faults of its own.
fn executed_by_thread(_: &File, run: Scenario) -> Result<()> {
    run(&mut || {
        join(in_child(|| {
            let map = Map::new(None, 2 * BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
            map.store_each();
            let error = std::thread::spawn(|| {
                Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?.store_each();
                io::Result::<()>::Err(Command::new("true").exec())
            });
            let error = error.join();
            bail!("exec returned: {error:?}")
        })?)
    })
}

/// The child shares the memory of the parent until it calls exec.
fn spawned(_: &File, run: Scenario) -> Result<()> {
    run(&mut || {
        ensure!(Command::new("true").status().context("true")?.success());
        Ok(())
    })
}

/// Parent and child both write to the memory that they share after fork.
fn forked(_: &File, run: Scenario) -> Result<()> {
    let map = Map::new(None, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE)?;
    map.store_each();
    run(&mut || {
        let child = in_child(|| {
            map.store_each();
            Ok(())
        })?;
        map.store_each();
        join(child)
    })
}
