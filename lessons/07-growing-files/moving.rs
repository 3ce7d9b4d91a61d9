//! A mapping that cannot grow where it is.

use std::ffi::c_void;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::{Scenario, page_bytes};
use nix::errno::Errno;
use nix::sys::mman::{MRemapFlags, MapFlags, ProtFlags, mmap, mremap, munmap};

use crate::Data;

/// Maps two pages of the file, and asks the first to grow into the place of the second.
pub(crate) fn remap_blocked(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let page = page_bytes();
    let file = data.file(scenario, 2 * page)?;
    let both = NonZeroUsize::new(2 * page).context("a page has bytes")?;
    let protection = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that exists.
    let start = unsafe { mmap(None, both, protection, MapFlags::MAP_SHARED, &file, 0) }
        .context("mmap two pages")?;
    let body = scenario.run(|round| {
        round.work.operations = 2;
        let in_place = grow(start, MRemapFlags::empty());
        let anywhere = grow(start, MRemapFlags::MREMAP_MAYMOVE);
        (in_place, anywhere)
    });
    let old_place = area_at(start.addr().get() as u64);
    scenario.observe("old_place_is_mapped", i64::from(old_place.is_ok()));
    let (mut first, mut pages) = (start, 1);
    if let Some((in_place, anywhere)) = body {
        scenario.observe_by("errno", "in-place", errno(in_place));
        scenario.observe_by("errno", "may-move", errno(anywhere));
        first = anywhere.context("mremap(MREMAP_MAYMOVE)")?;
        pages = 2;
        scenario.observe("moved", i64::from(first != start));
    }
    unmap(first, pages)?;
    // SAFETY: the second of the two pages is still mapped.
    unmap(unsafe { start.byte_add(page) }, 1)
}

fn errno(answer: nix::Result<NonNull<c_void>>) -> i64 {
    answer.err().map_or(0, |errno| errno as i64)
}

/// Asks one page of the mapping to become two.
fn grow(start: NonNull<c_void>, flags: MRemapFlags) -> Result<NonNull<c_void>, Errno> {
    let page = page_bytes();
    // SAFETY: the page is mapped, no reference to it exists, and the kernel moves it only to a free place.
    unsafe { mremap(start, page, 2 * page, flags, None) }
}

fn unmap(start: NonNull<c_void>, pages: usize) -> Result<()> {
    // SAFETY: callers pass what they have mapped and no longer use.
    unsafe { munmap(start, pages * page_bytes()) }.context("munmap")
}
