//! The unit of a mapping is the page: what mmap(2) makes of one byte, and where a mapping may begin.

use std::fs::{self, File};
use std::slice;

use anyhow::{Context, Result};
use lessons::address_space::area_at;
use lessons::data::Cached;
use lessons::map_request::MapRequest;
use lessons::mapping::sum;
use lessons::{Scenario, page_bytes};
use memmap2::{Mmap, MmapOptions};
use nix::sys::mman::{MapFlags, ProtFlags};

use crate::{Data, SMALL};

/// The only byte of the file.
const CONTENT: u8 = 0xA5;

/// Maps one byte of a file of one byte, then loads the whole page.
pub(crate) fn one_byte_mapping(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let path = &data.path;
    fs::write(path, [CONTENT]).with_context(|| format!("create {}", path.display()))?;
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let body = scenario.run(|round| -> Result<(Mmap, u64)> {
        // SAFETY: the file is in the lesson's own directory, and nobody changes it.
        let mapping = unsafe { MmapOptions::new().len(1).map(&file) }.context("mmap(1 byte)")?;
        let page = page_around(&mapping);
        round.work.bytes = page.len() as u64;
        round.work.pages = 1;
        let behind = sum(&page[1..]);
        Ok((mapping, behind))
    });
    if let Some((mapping, behind)) = body.transpose()? {
        let area = area_at(mapping.as_ptr().addr() as u64)?;
        scenario.observe("maps_line_bytes", i64::try_from(area.bytes())?);
        scenario.observe("first_byte_is_the_files", i64::from(mapping[0] == CONTENT));
        scenario.observe("zeros_behind_the_end", i64::from(behind == 0));
    }
    Ok(())
}

/// The whole page, of which the mapping was asked for one byte.
fn page_around(mapping: &Mmap) -> &[u8] {
    // SAFETY: the kernel maps whole pages, and the file reaches into this one, so all of it can be loaded
    // (only a page wholly behind the end of the file raises SIGBUS). It lives as long as the mapping.
    unsafe { slice::from_raw_parts(mapping.as_ptr(), page_bytes()) }
}

/// Asks for mappings that begin at different offsets into the file.
pub(crate) fn page_offsets(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.file(scenario, SMALL, Cached::Whole)?;
    let page = i64::try_from(page_bytes())?;
    let requests = [
        at("one-byte", 1),
        at("half-a-page", page / 2),
        at("a-page-less-one", page - 1),
        at("one-page", page),
    ];
    let body = scenario.run(|round| {
        round.work.operations = requests.len() as u64;
        requests.map(|request| (request, request.errno(&file)))
    });
    for (request, errno) in body.into_iter().flatten() {
        scenario.observe_by("errno", request.name, errno);
    }
    Ok(())
}

fn at(name: &'static str, offset: i64) -> MapRequest {
    MapRequest {
        name,
        protection: ProtFlags::PROT_READ,
        flags: MapFlags::MAP_SHARED,
        offset,
    }
}
