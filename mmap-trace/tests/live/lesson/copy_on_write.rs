//! Stores that copy a page, and stores that look alike and copy none.

use anyhow::{Context as _, Result};
use libc::PROT_READ;

use super::{
    Page,
    copy_case::{BOTH, Case, HUGE_BYTES, PAGES},
    stores, two_threads,
};

const ANONYMOUS: &str = "cow_copied_pages.anonymous";
const FILE: &str = "cow_copied_pages.file";
const ALL: &str = "cow_copied_pages";

type Play = fn(&Case) -> Result<()>;

/// A case: its name, its function, and what must be counted.
type Row = (&'static str, Play, &'static [(&'static str, usize)]);

const CASES: &[Row] = &[
    (
        "first-store",
        stores::first_store,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "zero-page",
        stores::zero_page,
        &[(ALL, 0), ("faults.read", PAGES), ("faults.write", PAGES)],
    ),
    ("child", stores::child, &[(ANONYMOUS, PAGES), (ALL, PAGES)]),
    (
        "child-that-ends-at-once",
        stores::child_ends,
        &[(ANONYMOUS, PAGES), (ALL, PAGES)],
    ),
    (
        "child-that-unmaps-at-once",
        stores::child_unmaps,
        &[(ANONYMOUS, PAGES), (ALL, PAGES)],
    ),
    (
        "parent-while-child-waits",
        stores::parent_first,
        &[(ANONYMOUS, PAGES)],
    ),
    (
        "parent-after-child",
        stores::parent_after,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "both",
        stores::both,
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
        stores::child_reads,
        &[(ANONYMOUS, PAGES), ("faults.kernel", PAGES)],
    ),
    (
        "child-of-zero-device",
        stores::zero_device,
        &[(ANONYMOUS, PAGES), ("faults.cow", 0)],
    ),
    (
        "child-of-zero-page",
        stores::child_of_zero_page,
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "shared-memory",
        |case| stores::shared(case, None),
        &[(ALL, 0), ("faults.write", PAGES)],
    ),
    (
        "shared-file",
        |case| stores::shared(case, Some(&stores::source()?)),
        &[(ALL, 0), ("faults.mkwrite", PAGES)],
    ),
    (
        "private-file",
        stores::private_file,
        &[(FILE, PAGES), (ALL, PAGES), ("faults.cow", PAGES)],
    ),
    (
        "private-file-after-load",
        stores::private_file_after_load,
        &[(FILE, PAGES), (ALL, PAGES)],
    ),
    (
        "private-file-of-child",
        stores::private_file_of_child,
        &[(FILE, PAGES)],
    ),
    (
        "huge-page",
        stores::huge_page,
        &[(ANONYMOUS, HUGE_BYTES / 4096), (ALL, HUGE_BYTES / 4096)],
    ),
    ("huge-zero-page", stores::huge_zero_page, &[(ALL, 0)]),
    ("protected-for-a-while", stores::protected, &[(ALL, 0)]),
    (
        "threads-after-fork",
        two_threads::threads,
        &[(ANONYMOUS, 2 * PAGES), (ALL, 2 * PAGES)],
    ),
    (
        "populated-private-file",
        |case| stores::populated(case, Some(&stores::source()?), BOTH),
        &[(FILE, PAGES), (ALL, PAGES)],
    ),
    (
        "populated-for-reading",
        |case| stores::populated(case, Some(&stores::source()?), PROT_READ),
        &[(ALL, 0)],
    ),
    (
        "populated-anonymous",
        |case| stores::populated(case, None, BOTH),
        &[(ALL, 0), ("faults.populate", PAGES)],
    ),
];

pub(super) fn play(page: Page) -> Result<()> {
    // A page that another CPU has allocated a moment ago has one user more, a list of that CPU
    // (`wp_can_reuse_anon_folio`, mm/memory.c), and is copied.
    two_threads::on_cpu(0)?;
    for (name, play, expected) in CASES {
        run(page, name, *play, expected)?;
    }
    // Some machines have one CPU, where no TLB entry is ever old.
    if two_threads::on_cpu(1).is_ok() {
        two_threads::on_cpu(0)?;
        let cow = [(ALL, 0), ("faults.cow", PAGES)];
        run(
            page,
            "old-tlb-entries-of-a-private-file",
            two_threads::stale_private_file,
            &cow,
        )?;
        let dirtied = [(ALL, 0), ("faults.mkwrite", PAGES)];
        run(
            page,
            "old-tlb-entries-of-a-shared-file",
            two_threads::stale_shared_file,
            &dirtied,
        )?;
    }
    Ok(())
}

/// The kernel stores into pages that it has pinned, without an exception.
pub(super) fn pinned(page: Page) -> Result<()> {
    run(page, "pinned", stores::child_reads_directly, &[])
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
