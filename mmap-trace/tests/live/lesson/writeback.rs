//! Pages that become dirty, and are then written back or discarded.

use std::{
    fs::{self, File, OpenOptions},
    path::Path,
};

use anyhow::{Context as _, Result};

use super::{Page, map::Map, page::Cell};
use crate::{
    sys,
    workload::{in_child, join},
};

const PAGES: usize = 64;
const BYTES: usize = PAGES * 4096;

/// Creates a file; with `content` all of its pages are cached and clean.
pub(super) fn file(name: &str, bytes: usize, content: bool) -> Result<File> {
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(name);
    let file = file.with_context(|| format!("open({name})"))?;
    if content {
        // Written page by page, so that the folios are small.
        for offset in (0..bytes).step_by(4096) {
            sys::pwrite(&file, &[1; 4096], offset)?;
        }
        sys::sync(libc::SYS_fsync, &file).context("fsync")?;
    }
    Ok(file)
}

/// Writes in pieces of this size and waits for the device.
fn write_through(file: &File, piece: usize) -> Result<()> {
    write(file, piece)?;
    sys::sync(libc::SYS_fsync, file).context("fsync")?;
    Ok(())
}

fn write(file: &File, piece: usize) -> Result<()> {
    let buffer = vec![2; piece];
    for offset in (0..BYTES).step_by(piece) {
        sys::pwrite(file, &buffer, offset).context("pwrite")?;
    }
    Ok(())
}

/// Expects the same pages dirtied, written back by this process, and written to the device.
fn all_written(page: Page, cell: Cell, pages: usize) {
    for key in ["pages_dirtied", "pages_written", "pages_written.process"] {
        page.expect(cell, key, pages);
    }
    page.expect(cell, "pages_written.flusher", 0);
    page.expect(cell, "pages_cleaned_unwritten", 0);
    page.expect(cell, "block_written_bytes", pages * 4096);
}

pub(super) fn play(page: Page) -> Result<()> {
    for (name, piece) in [("64-x-4k", 4096), ("16-x-16k", 16384), ("1-x-256k", BYTES)] {
        let target = file(name, BYTES, false)?;
        let (cell, result) = page.scenario(name, || write_through(&target, piece));
        result?;
        all_written(page, cell, PAGES);
        page.expect(cell, "copied_from_user_bytes.page_cache", BYTES);
    }
    stores(page)?;
    rewrites(page)?;
    direct(page)?;
    in_memory(page)?;
    unlinked(page)?;
    unlinked_at_exit(page)?;
    flushed_at_exit(page)?;
    cold(page)
}

fn stores(page: Page) -> Result<()> {
    let target = file("stores", BYTES, true)?;
    let map = Map::new(
        Some(&target),
        BYTES,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_SHARED,
    )?;
    let (cell, result) = page.scenario("stores", || {
        map.store_each();
        map.sync()
    });
    result.context("msync")?;
    all_written(page, cell, PAGES);
    page.expect(cell, "copied_from_user_bytes", 0);
    page.expect(cell, "faults.mkwrite", PAGES);
    Ok(())
}

fn rewrites(page: Page) -> Result<()> {
    let target = file("rewrites", BYTES, true)?;
    let (cell, result) = page.scenario("same-page-ten-times", || -> Result<()> {
        for _ in 0..10 {
            sys::pwrite(&target, &[3; 4096], 8192)?;
        }
        sys::sync(libc::SYS_fsync, &target)?;
        Ok(())
    });
    result?;
    all_written(page, cell, 1);
    page.expect(cell, "copied_from_user_bytes.page_cache", 10 * 4096);
    Ok(())
}

/// The device is written without any dirty page in the cache.
fn direct(page: Page) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    file("direct", BYTES, true)?;
    let target = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DIRECT)
        .open("direct")
        .context("open(O_DIRECT)")?;
    let mut memory = Map::new(
        None,
        BYTES,
        libc::PROT_READ | libc::PROT_WRITE,
        libc::MAP_PRIVATE,
    )?;
    memory.store_each();
    let (cell, written) = page.scenario("direct", || sys::pwrite(&target, memory.bytes(), 0));
    written.context("pwrite")?;
    for (key, value) in [
        ("direct_written_bytes", BYTES),
        ("copied_from_user_bytes", 0),
        ("pages_dirtied", 0),
        ("pages_written", 0),
        ("block_written_bytes", BYTES),
    ] {
        page.expect(cell, key, value);
    }
    Ok(())
}

fn in_memory(page: Page) -> Result<()> {
    let path = format!("/dev/shm/mmap-trace-live-{}", std::process::id());
    let target = file(&path, BYTES, false)?;
    fs::remove_file(&path).context("unlink")?;
    let (cell, result) = page.scenario("tmpfs", || write_through(&target, 4096));
    result?;
    page.expect(cell, "copied_from_user_bytes.tmpfs", BYTES);
    for key in ["pages_dirtied", "pages_written", "block_written_bytes"] {
        page.expect(cell, key, 0);
    }
    Ok(())
}

fn unlinked(page: Page) -> Result<()> {
    let target = file("unlinked", BYTES, false)?;
    let (cell, result) = page.scenario("unlinked", || -> Result<()> {
        write(&target, 4096)?;
        fs::remove_file("unlinked").context("unlink")?;
        // This drops the last reference, so the kernel discards the pages.
        drop(target);
        Ok(())
    });
    result?;
    expect_all_discarded(page, cell);
    Ok(())
}

/// Every page became dirty, and none reached the disk.
fn expect_all_discarded(page: Page, cell: Cell) {
    for (key, value) in [
        ("pages_dirtied", PAGES),
        ("pages_written", 0),
        ("pages_cleaned_unwritten", PAGES),
        ("block_written_bytes", 0),
    ] {
        page.expect(cell, key, value);
    }
}

/// A child ends with the last reference to a file: the kernel closes it when the child has left its namespaces
/// (`exit_task_work` in `do_exit`, kernel/exit.c).
fn unlinked_at_exit(page: Page) -> Result<()> {
    let (cell, result) = page.scenario("unlinked-at-exit", || {
        join(in_child(|| {
            let target = file("unlinked-at-exit", BYTES, false)?;
            write(&target, 4096)?;
            fs::remove_file("unlinked-at-exit").context("unlink")?;
            std::mem::forget(target);
            Ok(())
        })?)
    });
    result?;
    expect_all_discarded(page, cell);
    Ok(())
}

/// ext4 starts writing a file that was truncated when it is closed (`ext4_release_file`, fs/ext4/file.c).
fn flushed_at_exit(page: Page) -> Result<()> {
    drop(file("flushed-at-exit", BYTES, true)?);
    let (cell, result) = page.scenario("flushed-at-exit", || {
        join(in_child(|| {
            let target = file("flushed-at-exit", BYTES, false)?;
            write(&target, 4096)?;
            std::mem::forget(target);
            Ok(())
        })?)
    });
    result?;
    all_written(page, cell, PAGES);
    Ok(())
}

fn cold(page: Page) -> Result<()> {
    let source = file("cold", BYTES, true)?;
    sys::drop_cache(&source).context("fadvise")?;
    let mut buffer = vec![0; BYTES];
    let (cell, read) = page.scenario("cold-read", || sys::pread(&source, &mut buffer, 0));
    read.context("pread")?;
    page.expect(cell, "copied_to_user_bytes.page_cache", BYTES);
    page.expect(cell, "block_read_bytes", BYTES);
    page.expect(cell, "cache_added_pages", PAGES);
    let (cell, read) = page.scenario("warm-read", || sys::pread(&source, &mut buffer, 0));
    read.context("pread")?;
    page.expect(cell, "block_read_bytes", 0);
    page.expect(cell, "cache_added_pages", 0);
    Ok(())
}

/// Leaves dirty pages behind: another process makes the flusher write them after this one has ended.
pub(super) fn left_to_the_flusher(page: Page) -> Result<()> {
    for (name, pages) in [("first", PAGES), ("second", 1)] {
        let target = file(name, BYTES, false)?;
        let (cell, result) = page.scenario(name, || -> Result<()> {
            for offset in 0..pages {
                sys::pwrite(&target, &[2; 4096], offset * 4096)?;
            }
            Ok(())
        });
        result?;
        for key in ["pages_dirtied", "pages_written", "pages_written.flusher"] {
            page.expect(cell, key, pages);
        }
        page.expect(cell, "block_written_bytes", pages * 4096);
        assert!(Path::new(name).exists());
    }
    Ok(())
}
