//! What a tracer may leave behind: eBPF programs and maps, and processes.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{sys, tracer};

/// `BPF_PROG_GET_NEXT_ID` and `BPF_MAP_GET_NEXT_ID` of bpf(2).
const NEXT_PROGRAM: usize = 11;
const NEXT_MAP: usize = 12;

/// A snapshot of the machine, taken before something that must leave nothing behind.
pub(crate) struct Machine {
    programs: BTreeSet<u32>,
    maps: BTreeSet<u32>,
    processes: BTreeSet<u32>,
}

impl Machine {
    pub(crate) fn now() -> Result<Self> {
        Ok(Machine {
            programs: ids(NEXT_PROGRAM)?,
            maps: ids(NEXT_MAP)?,
            processes: processes()?,
        })
    }

    /// Fails if there is more than before. The kernel frees programs and maps some time after their last
    /// descriptor is closed, so this waits for some seconds, and longer while somebody else traces.
    pub(crate) fn must_be_as_before(&self) -> Result<()> {
        let begin = Instant::now();
        loop {
            let now = Machine::now()?;
            let more = now.more_than(self);
            if more.is_empty() {
                return Ok(());
            }
            let limit = if other_tracers() { 60 } else { 8 };
            ensure!(
                begin.elapsed() < Duration::from_secs(limit),
                "left behind: {more}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn more_than(&self, before: &Machine) -> String {
        let mut more = Vec::new();
        for (what, now, then) in [
            ("eBPF programs", &self.programs, &before.programs),
            ("eBPF maps", &self.maps, &before.maps),
            ("processes", &self.processes, &before.processes),
        ] {
            let new: Vec<_> = now.difference(then).collect();
            if !new.is_empty() {
                more.push(format!("{what} {new:?}"));
            }
        }
        more.join(", ")
    }
}

fn ids(command: usize) -> Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    let mut last = 0;
    while let Some(id) = sys::next_bpf_id(command, last).context("bpf(GET_NEXT_ID)")? {
        found.insert(id);
        last = id;
    }
    Ok(found)
}

/// The processes that a tracer or its traced program may have left behind: those of this binary, which also
/// plays the programs, those of its tracer, and those that inherited the mark of these tests.
fn processes() -> Result<BTreeSet<u32>> {
    let images = [std::env::current_exe()?, tracer::binary()?];
    let mark = tracer::MARK.map(str::as_bytes).join(&b'=');
    let belongs = |directory: &Path| {
        let image = fs::read_link(directory.join("exe"));
        let environment = fs::read(directory.join("environ")).unwrap_or_default();
        image.is_ok_and(|image| images.contains(&image))
            || environment
                .split(|byte| *byte == 0)
                .any(|pair| pair == mark)
    };
    let entries = fs::read_dir("/proc").context("/proc")?;
    Ok(entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            belongs(&entry.path()).then_some(pid)
        })
        .collect())
}

/// Whether somebody else traces on this machine; the tests have waited for their own tracers.
fn other_tracers() -> bool {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    let mut images = entries.filter_map(|entry| fs::read_link(entry.ok()?.path().join("exe")).ok());
    images.any(|image| image.file_name().is_some_and(|name| name == "mmap-trace"))
}
