//! Requests that mmap(2) rejects, and the errno of each.

use std::fs::File;

use anyhow::{Context, Result};
use lessons::Scenario;
use lessons::map_request::MapRequest;
use nix::sys::mman::{MapFlags, ProtFlags};

use crate::Data;

const SHARED_READ: MapRequest = MapRequest {
    name: "shared-read",
    protection: ProtFlags::PROT_READ,
    flags: MapFlags::MAP_SHARED,
    offset: 0,
};
const SHARED_WRITE: MapRequest = MapRequest {
    name: "shared-write",
    protection: ProtFlags::PROT_WRITE,
    ..SHARED_READ
};
const PRIVATE_WRITE: MapRequest = MapRequest {
    name: "private-write",
    flags: MapFlags::MAP_PRIVATE,
    ..SHARED_WRITE
};
const OFFSET_1: MapRequest = MapRequest {
    name: "offset-1",
    offset: 1,
    ..SHARED_READ
};

/// Asks for mappings of a descriptor that is open for reading only.
pub(crate) fn map_read_only_write(scenario: &mut Scenario, data: &Data) -> Result<()> {
    drop(data.warm_file(scenario)?);
    let file = File::open(&data.path).with_context(|| format!("open {}", data.path.display()))?;
    try_each(scenario, &file, [SHARED_READ, SHARED_WRITE, PRIVATE_WRITE]);
    Ok(())
}

/// Asks for a mapping that begins at byte 1 of the file.
pub(crate) fn offset_1(scenario: &mut Scenario, data: &Data) -> Result<()> {
    let file = data.warm_file(scenario)?;
    try_each(scenario, &file, [OFFSET_1]);
    Ok(())
}

fn try_each<const COUNT: usize>(
    scenario: &mut Scenario,
    file: &File,
    requests: [MapRequest; COUNT],
) {
    let body = scenario.run(|round| {
        round.work.operations = COUNT as u64;
        requests.map(|request| (request, request.errno(file)))
    });
    for (request, errno) in body.into_iter().flatten() {
        scenario.observe_by("errno", request.name, errno);
    }
}
