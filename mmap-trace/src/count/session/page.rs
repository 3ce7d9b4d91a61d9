//! The session page, memory in which a lesson marks its scenarios, as the tracer sees it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::atomic::Ordering::Relaxed,
};

use anyhow::{Context as _, Result};
use memmap2::{MmapOptions, MmapRaw};
use mmap_trace_ebpf::session::{
    CELLS, IO_FIELDS, MAGIC, NAME_BYTES, Name, OBSERVATIONS, PAGE_BYTES, SCENARIOS, SessionPage,
};
use nix::{
    fcntl::{FcntlArg, SealFlag, fcntl},
    sys::memfd::{MFdFlags, memfd_create},
    unistd::ftruncate,
};

use crate::count::kernel::page_size::page_bytes;

pub struct Page {
    map: MmapRaw,
}

/// A bounded copy of what a lesson wrote. Its names may contain anything.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    /// Names of the scenarios, by index.
    pub scenarios: Vec<String>,
    /// Rounds, in the order in which cells were handed out; the first is cell 1.
    pub cells: Vec<CellMark>,
    /// Observations, in the order in which they were made.
    pub observations: Vec<ObservationMark>,
    /// Whether a table of the page was full.
    pub overflow: bool,
}

#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "the fields of mmap_trace_ebpf::session::Cell")]
pub struct CellMark {
    pub number: usize,
    pub scenario: usize,
    pub state: u32,
    pub roles: u32,
    pub begin_ns: u64,
    pub end_ns: u64,
    pub work_bytes: u64,
    pub work_pages: u64,
    pub work_operations: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    pub user_us: u64,
    pub system_us: u64,
    /// Whether the four fields above are filled in.
    pub has_usage: bool,
    /// In the order of `IO_FIELDS`, if the lesson was asked to read /proc/self/io and could.
    pub io: Option<[u64; IO_FIELDS.len()]>,
}

#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "the fields of mmap_trace_ebpf::session::Observation"
)]
pub struct ObservationMark {
    pub scenario: usize,
    pub name: String,
    pub by: String,
    pub value: i64,
}

/// Memory for a page without an eBPF array. Its size is sealed: if the lesson could truncate it, the tracer's
/// next access would raise SIGBUS.
pub fn memory() -> Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let memory =
        memfd_create(c"mmap-trace session", flags).context("memfd_create(session page)")?;
    let bytes = PAGE_BYTES.next_multiple_of(page_bytes());
    let bytes = bytes.try_into().context("length of the session page")?;
    ftruncate(&memory, bytes).context("ftruncate(session page)")?;
    let seals = SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SEAL;
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals)).context("fcntl(session page, F_ADD_SEALS)")?;
    Ok(memory)
}

impl Page {
    /// Maps the page behind a descriptor.
    pub fn map(descriptor: BorrowedFd<'_>) -> io::Result<Page> {
        let map = MmapOptions::new().len(PAGE_BYTES).map_raw(&descriptor)?;
        Ok(Page { map })
    }

    /// Maps the page and prepares it for a lesson of this build.
    pub fn open(descriptor: impl AsFd) -> Result<Page> {
        let page = Page::map(descriptor.as_fd()).context("mmap(session page)")?;
        let shared = page.shared();
        shared.magic.store(MAGIC, Relaxed);
        shared.page_bytes.store(PAGE_BYTES as u64, Relaxed);
        Ok(page)
    }

    /// The page itself, which has only atomics because other processes write to it.
    #[must_use]
    pub fn shared(&self) -> &SessionPage {
        #[allow(clippy::cast_ptr_alignment, reason = "a mapping begins at a page")]
        // SAFETY: the mapping is PAGE_BYTES long, page aligned, and lives as long as `self`; every
        // field is an atomic, for which any bit pattern is a value.
        unsafe {
            &*self.map.as_ptr().cast::<SessionPage>()
        }
    }

    /// Resets the cells and makes every process leave its cell.
    pub fn clear(&self) {
        let page = self.shared();
        for slot in &page.slots {
            slot.cell.store(0, Relaxed);
        }
        for cell in &page.cells {
            cell.state.store(0, Relaxed);
            cell.roles.store(0, Relaxed);
            cell.work_operations.store(0, Relaxed);
            cell.minor_faults.store(0, Relaxed);
            cell.major_faults.store(0, Relaxed);
        }
    }

    /// Copies what the lesson wrote.
    #[must_use]
    pub fn marks(&self) -> Marks {
        let page = self.shared();
        let scenarios = (page.scenario_count.load(Relaxed) as usize).min(SCENARIOS);
        let cells = (page.cell_count.load(Relaxed) as usize).min(CELLS - 1);
        let observations = (page.observation_count.load(Relaxed) as usize).min(OBSERVATIONS);
        Marks {
            scenarios: page.scenario_names[..scenarios].iter().map(text).collect(),
            cells: (1..=cells)
                .map(|number| cell(page, number))
                .filter(|cell| cell.scenario < scenarios && cell.state != 0)
                .collect(),
            observations: page.observations[..observations]
                .iter()
                .filter(|seen| seen.ready.load(Relaxed) == 1)
                .map(|seen| ObservationMark {
                    scenario: seen.scenario.load(Relaxed) as usize,
                    name: text(&seen.name),
                    by: text(&seen.by),
                    value: seen.value.load(Relaxed),
                })
                .filter(|seen| seen.scenario < scenarios)
                .collect(),
            overflow: page.overflow.load(Relaxed) != 0,
        }
    }
}

fn cell(page: &SessionPage, number: usize) -> CellMark {
    let cell = &page.cells[number];
    CellMark {
        number,
        scenario: cell.scenario.load(Relaxed) as usize,
        state: cell.state.load(Relaxed),
        roles: cell.roles.load(Relaxed),
        begin_ns: cell.begin_ns.load(Relaxed),
        end_ns: cell.end_ns.load(Relaxed),
        work_bytes: cell.work_bytes.load(Relaxed),
        work_pages: cell.work_pages.load(Relaxed),
        work_operations: cell.work_operations.load(Relaxed),
        minor_faults: cell.minor_faults.load(Relaxed),
        major_faults: cell.major_faults.load(Relaxed),
        user_us: cell.user_us.load(Relaxed),
        system_us: cell.system_us.load(Relaxed),
        has_usage: cell.usage_ready.load(Relaxed) == 1,
        io: (cell.io_ready.load(Relaxed) == 1)
            .then(|| std::array::from_fn(|field| cell.io[field].load(Relaxed))),
    }
}

fn text(name: &Name) -> String {
    let mut bytes = [0; NAME_BYTES];
    for (byte, shared) in bytes.iter_mut().zip(name) {
        *byte = shared.load(Relaxed);
    }
    let len = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(NAME_BYTES);
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

/// Writes a name, truncated to what fits.
pub fn set_name(name: &Name, text: &str) {
    let mut bytes = text.bytes();
    for shared in name {
        shared.store(bytes.next().unwrap_or(0), Relaxed);
    }
}

/// A page that no kernel program reads.
#[cfg(test)]
pub(super) fn anonymous() -> Page {
    let map = MmapOptions::new().len(PAGE_BYTES).map_anon().unwrap();
    let page = Page { map: map.into() };
    page.shared().magic.store(MAGIC, Relaxed);
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_the_page_cannot_be_truncated() {
        let memory = memory().unwrap();
        assert_eq!(ftruncate(&memory, 0), Err(nix::errno::Errno::EPERM));
        Page::open(&memory).unwrap();
    }

    #[test]
    fn numbers_larger_than_the_tables_are_limited() {
        let page = anonymous();
        for count in [
            &page.shared().scenario_count,
            &page.shared().cell_count,
            &page.shared().observation_count,
        ] {
            count.store(u32::MAX, Relaxed);
        }
        let marks = page.marks();
        assert_eq!(marks.scenarios.len(), SCENARIOS);
        assert!(marks.cells.is_empty() && marks.observations.is_empty());
    }

    #[test]
    fn a_cell_of_an_unknown_scenario_is_ignored() {
        let page = anonymous();
        let shared = page.shared();
        shared.scenario_count.store(1, Relaxed);
        set_name(&shared.scenario_names[0], "real");
        shared.cell_count.store(2, Relaxed);
        for (number, scenario) in [(1, 0), (2, 9)] {
            shared.cells[number].state.store(1, Relaxed);
            shared.cells[number].scenario.store(scenario, Relaxed);
        }
        let marks = page.marks();
        assert_eq!(marks.scenarios, ["real"]);
        assert_eq!(marks.cells.len(), 1);
    }

    #[test]
    fn invalid_utf_8_in_a_name_becomes_text() {
        let page = anonymous();
        for byte in &page.shared().scenario_names[0] {
            byte.store(0xff, Relaxed);
        }
        assert_eq!(
            text(&page.shared().scenario_names[0]).chars().count(),
            NAME_BYTES
        );
    }
}
