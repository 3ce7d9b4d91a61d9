//! Scenarios whose stores may copy pages.

use anyhow::{Context as _, Result};
use libc::{MAP_PRIVATE, PROT_READ, PROT_WRITE};
use mmap_trace_ebpf::session::Role;
use nix::{
    sys::{
        signal::{Signal, kill, raise},
        wait::{WaitPidFlag, waitpid},
    },
    unistd::Pid,
};

use super::{Page, faults::touch_stack, map::Map, page::Cell};
use crate::workload::join;

pub(super) const PAGES: usize = 256;
pub(super) const BYTES: usize = PAGES * 4096;
pub(super) const HUGE_BYTES: usize = 2 << 20;
pub(super) const BOTH: i32 = PROT_READ | PROT_WRITE;
pub(super) const CHILD: usize = 1;

/// A scenario. Its processes enter it only for their stores into the mapping, because each of them also
/// copies some pages of its own after a fork.
pub(super) struct Case {
    pub(super) page: Page,
    pub(super) cell: Cell,
}

impl Case {
    /// Runs what a process does in the scenario.
    pub(super) fn counted(&self, slot: usize, body: impl FnOnce()) {
        touch_stack();
        self.page.enter(slot, Some(self.cell));
        body();
        self.page.enter(slot, None);
    }

    pub(super) fn fork(&self, body: impl FnOnce() -> Result<()>) -> Result<Pid> {
        self.page.fork(CHILD, None, Role::Writer, body)
    }

    /// Forks a child that stops before it does anything; returns when it has stopped.
    pub(super) fn fork_stopped(&self, body: impl FnOnce() -> Result<()>) -> Result<Pid> {
        let child = self.fork(|| {
            raise(Signal::SIGSTOP).context("raise")?;
            body()
        })?;
        waitpid(child, Some(WaitPidFlag::WUNTRACED)).context("waitpid")?;
        Ok(child)
    }

    /// Forks a child that ends before the parent goes on, so that every page is mapped read-only.
    pub(super) fn fork_in_vain(&self) -> Result<()> {
        join(self.fork(|| Ok(()))?)
    }

    /// The child stores into each page.
    pub(super) fn child_stores(&self, map: &Map) -> Result<()> {
        join(self.fork(|| {
            self.counted(CHILD, || map.store_each());
            Ok(())
        })?)
    }

    pub(super) fn stores(&self, map: &Map) {
        self.counted(0, || map.store_each());
    }
}

pub(super) fn go_on(child: Pid) -> Result<()> {
    kill(child, Signal::SIGCONT).context("kill")?;
    join(child)
}

pub(super) fn anonymous() -> Result<Map> {
    Map::new(None, BYTES, BOTH, MAP_PRIVATE).context("mmap")
}

/// Anonymous memory that has pages.
pub(super) fn stored() -> Result<Map> {
    let map = anonymous()?;
    map.store_each();
    Ok(map)
}
