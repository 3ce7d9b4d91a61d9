//! What the scenarios of `copy_on_write` do in one process after another.

use std::{fs::File, os::unix::fs::OpenOptionsExt as _};

use anyhow::{Context as _, Result, ensure};
use libc::{MAP_POPULATE, MAP_PRIVATE, MAP_SHARED, PROT_READ};

use super::{
    copy_case::{BOTH, BYTES, CHILD, Case, HUGE_BYTES, anonymous, go_on, stored},
    map::Map,
    writeback::file,
};
use crate::{sys, workload::join};

pub(super) fn source() -> Result<File> {
    file("copied", BYTES, true)
}

pub(super) fn of_file(file: &File, sharing: i32) -> Result<Map> {
    Map::new(Some(file), BYTES, BOTH, sharing).context("mmap")
}

pub(super) fn first_store(case: &Case) -> Result<()> {
    case.stores(&anonymous()?);
    Ok(())
}

pub(super) fn zero_page(case: &Case) -> Result<()> {
    let map = anonymous()?;
    case.counted(0, || {
        map.load_each();
        map.store_each();
    });
    Ok(())
}

pub(super) fn child(case: &Case) -> Result<()> {
    case.child_stores(&stored()?)
}

/// Nothing happens between the last store and the end of the process.
pub(super) fn child_ends(case: &Case) -> Result<()> {
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

pub(super) fn child_unmaps(case: &Case) -> Result<()> {
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

pub(super) fn parent_first(case: &Case) -> Result<()> {
    let map = stored()?;
    let child = case.fork_stopped(|| Ok(()))?;
    case.stores(&map);
    go_on(child)
}

pub(super) fn parent_after(case: &Case) -> Result<()> {
    let map = stored()?;
    case.fork_in_vain()?;
    case.stores(&map);
    Ok(())
}

/// The second of two processes is the last one that uses the page.
pub(super) fn both(case: &Case) -> Result<()> {
    let map = stored()?;
    let child = case.fork_stopped(|| {
        case.counted(CHILD, || map.store_each());
        Ok(())
    })?;
    case.stores(&map);
    go_on(child)
}

/// The kernel stores on behalf of the child.
pub(super) fn child_reads(case: &Case) -> Result<()> {
    let source = source()?;
    let mut map = stored()?;
    join(case.fork(|| {
        let mut read = Ok(0);
        case.counted(CHILD, || read = sys::pread(&source, map.bytes(), 0));
        ensure!(read.context("pread")? == BYTES, "a short read");
        Ok(())
    })?)
}

pub(super) fn child_reads_directly(case: &Case) -> Result<()> {
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

pub(super) fn zero_device(case: &Case) -> Result<()> {
    let device = File::options().read(true).write(true).open("/dev/zero");
    let map = of_file(&device.context("open(/dev/zero)")?, MAP_PRIVATE)?;
    map.store_each();
    case.child_stores(&map)
}

pub(super) fn child_of_zero_page(case: &Case) -> Result<()> {
    let map = anonymous()?;
    map.load_each();
    case.child_stores(&map)
}

pub(super) fn shared(case: &Case, file: Option<&File>) -> Result<()> {
    let map = Map::new(file, BYTES, BOTH, MAP_SHARED).context("mmap")?;
    case.child_stores(&map)
}

pub(super) fn private_file(case: &Case) -> Result<()> {
    case.stores(&of_file(&source()?, MAP_PRIVATE)?);
    Ok(())
}

pub(super) fn private_file_after_load(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.load_each();
    case.stores(&map);
    Ok(())
}

/// The parent has copies of its own, which the child copies again.
pub(super) fn private_file_of_child(case: &Case) -> Result<()> {
    let map = of_file(&source()?, MAP_PRIVATE)?;
    map.store_each();
    case.child_stores(&map)
}

pub(super) fn populated(case: &Case, file: Option<&File>, protection: i32) -> Result<()> {
    let mut map = None;
    let flags = MAP_PRIVATE | MAP_POPULATE;
    case.counted(0, || map = Some(Map::new(file, BYTES, protection, flags)));
    map.context("the scenario did not run")?.context("mmap")?;
    Ok(())
}

pub(super) fn huge() -> Result<Map> {
    let map = Map::new(None, HUGE_BYTES, BOTH, MAP_PRIVATE).context("mmap")?;
    // Without huge pages, the counts are the same.
    let _ = map.advise(libc::MADV_HUGEPAGE);
    Ok(map)
}

/// The first store splits the huge page; each copies a small one.
pub(super) fn huge_page(case: &Case) -> Result<()> {
    let map = huge()?;
    map.store_each();
    case.child_stores(&map)
}

pub(super) fn huge_zero_page(case: &Case) -> Result<()> {
    let map = huge()?;
    map.load_each();
    case.stores(&map);
    Ok(())
}

pub(super) fn protected(case: &Case) -> Result<()> {
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
