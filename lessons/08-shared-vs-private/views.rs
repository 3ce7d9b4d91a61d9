//! Three views of one file: a shared mapping, a private one, and read(2).

use std::fs::File;
use std::os::unix::fs::FileExt;

use anyhow::{Context, Result};
use lessons::data::Files;
use lessons::mapping::{Filling, MappingMut, Reserved, Sharing};
use lessons::{Scenario, page_bytes};

/// What the scenarios store at the beginning of a page. The files contain it nowhere.
pub(crate) const MARK: &[u8; 8] = b"a store!";

/// Maps the whole file for loads and stores.
pub(crate) fn map(file: &File, files: &Files, sharing: Sharing) -> Result<MappingMut> {
    Reserved::new(files.bytes())?.map_mut(file, sharing, Filling::OnDemand)
}

/// Stores the mark into each page and returns the number of pages.
pub(crate) fn mark(view: &mut [u8]) -> u64 {
    let mut pages = 0;
    for page in view.chunks_mut(page_bytes()) {
        page[..MARK.len()].copy_from_slice(MARK);
        pages += 1;
    }
    // The compiler must not drop stores that it sees nobody load.
    std::hint::black_box(view);
    pages
}

/// Writes the mark into each page of the file with pwrite(2).
pub(crate) fn write_marks(file: &File, files: &Files) -> Result<()> {
    for page in 0..files.pages() {
        file.write_all_at(MARK, page * page_bytes() as u64)
            .context("pwrite")?;
    }
    Ok(())
}

/// Counts the pages in which this view shows the mark.
pub(crate) fn marks(view: &[u8]) -> u64 {
    let view = std::hint::black_box(view);
    let pages = view.chunks(page_bytes());
    pages.filter(|page| page.starts_with(MARK)).count() as u64
}

/// Counts the pages in which pread(2) finds the mark.
fn marks_in_file(file: &File, files: &Files) -> Result<u64> {
    let mut found = 0;
    let mut head = [0; MARK.len()];
    for page in 0..files.pages() {
        file.read_exact_at(&mut head, page * page_bytes() as u64)
            .context("pread")?;
        found += u64::from(head == *MARK);
    }
    Ok(found)
}

/// Records how many pages show the mark in each of the three views.
pub(crate) fn observe(
    scenario: &Scenario,
    files: &Files,
    file: &File,
    shared: &[u8],
    private: &[u8],
) -> Result<()> {
    for (name, pages) in [
        ("seen_by_read_pages", marks_in_file(file, files)?),
        ("seen_shared_pages", marks(shared)),
        ("seen_private_pages", marks(private)),
    ] {
        scenario.observe(name, pages.cast_signed());
    }
    Ok(())
}
