//! Inodes that two scenarios dirty, and inode numbers that are reused.

use std::{fs, os::unix::fs::MetadataExt as _, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::{Page, writeback};
use crate::sys;

/// Two scenarios dirty the same file, and nothing writes it back between them.
pub(super) fn shared(page: Page) -> Result<()> {
    let target = writeback::file("shared", 1 << 16, true)?;
    let (_, first) = page.scenario("first", || sys::pwrite(&target, &[1; 4096], 0));
    first.context("pwrite")?;
    let (cell, second) = page.scenario("second", || -> Result<()> {
        sys::pwrite(&target, &[2; 4096], 8192)?;
        sys::sync(libc::SYS_fsync, &target)?;
        Ok(())
    });
    second?;
    page.expect(cell, "pages_dirtied", 1);
    // The file is clean now, so the next scenario owns it alone.
    let (cell, third) = page.scenario("third", || -> Result<()> {
        sys::pwrite(&target, &[3; 4096], 4096)?;
        sys::sync(libc::SYS_fsync, &target)?;
        Ok(())
    });
    third?;
    page.expect(cell, "pages_written", 1);
    Ok(())
}

/// The inode of the second scenario gets the number of the first one's, which is deleted with its pages.
pub(super) fn used_again(page: Page) -> Result<()> {
    let target = writeback::file("gone", 0, true)?;
    let number = target.metadata()?.ino();
    let (cell, gone) = page.scenario("gone", || -> Result<()> {
        for offset in 0..8 {
            sys::pwrite(&target, &[1; 4096], offset * 4096)?;
        }
        fs::remove_file("gone")?;
        drop(target);
        Ok(())
    });
    gone?;
    page.expect(cell, "pages_dirtied", 8);
    page.expect(cell, "pages_written", 0);
    page.expect(cell, "pages_cleaned_unwritten", 8);
    let target = with_number(number)?;
    let (cell, again) = page.scenario("again", || -> Result<()> {
        for offset in 0..3 {
            sys::pwrite(&target, &[2; 4096], offset * 4096)?;
        }
        sys::sync(libc::SYS_fsync, &target)?;
        Ok(())
    });
    again?;
    page.expect(cell, "pages_dirtied", 3);
    page.expect(cell, "pages_written", 3);
    page.expect(cell, "pages_cleaned_unwritten", 0);
    Ok(())
}

/// Creates files until one has the number. ext4 does not reuse numbers for some seconds
/// (`recently_deleted`, fs/ext4/ialloc.c).
fn with_number(number: u64) -> Result<fs::File> {
    for round in 0..80 {
        let mut others = Vec::new();
        for n in 0..64 {
            let name = format!("another-{round}-{n}");
            let file = writeback::file(&name, 0, true)?;
            if file.metadata()?.ino() == number {
                return Ok(file);
            }
            others.push(name);
        }
        for name in others {
            fs::remove_file(name)?;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    bail!("inode number {number} was not used again")
}
