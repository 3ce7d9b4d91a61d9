//! One round of a scenario, as its body sees it: the work it reports and the processes it forks.

use anyhow::Result;
use mmap_trace_ebpf::session::Role;
use nix::sys::signal::Signal;

use crate::children::{Child, Children};
use crate::session::{CellIndex, Session};
use crate::work::Work;

/// A round that is under way.
pub struct Round {
    /// Filled in by the body.
    pub work: Work,
    pub(crate) children: Children,
    session: Session,
    cell: CellIndex,
}

impl Round {
    pub(crate) fn new(session: Session, cell: CellIndex) -> Self {
        Round {
            work: Work::default(),
            children: Children::new(session),
            session,
            cell,
        }
    }

    /// Forks a process of this scenario, with this role and a slot of its own.
    ///
    /// It is counted from its first instruction until it is dead, and is joined before
    /// [`Scenario::run`](crate::Scenario::run) returns. If it fails, the lesson fails.
    ///
    /// Forking adds system calls to the scenario: clone and wait4 in the parent, prctl and getppid in the
    /// child, and what the C library does in a new process (`set_robust_list`).
    pub fn fork(&mut self, role: Role, body: impl FnOnce() -> Result<()>) -> Result<Child> {
        self.children.fork(self.cell, role, body)
    }

    /// Forks a process that belongs to another scenario, which thereby overlaps this one.
    pub fn fork_in(
        &mut self,
        scenario: &str,
        role: Role,
        body: impl FnOnce() -> Result<()>,
    ) -> Result<Child> {
        let scenario = self.session.scenario(scenario)?;
        let cell = self.session.claim_cell(scenario)?;
        self.children.fork_elsewhere(cell, role, body)
    }

    /// Waits for a child before the round ends. If the child failed, the error says how.
    #[expect(clippy::needless_pass_by_value, reason = "a child can be joined once")]
    pub fn join(&mut self, child: Child) -> Result<()> {
        self.children.join(&child)
    }

    /// Waits for a child that a signal must kill, and returns the signal.
    #[expect(clippy::needless_pass_by_value, reason = "a child can be joined once")]
    pub fn join_killed(&mut self, child: Child) -> Result<Signal> {
        self.children.join_killed(&child)
    }
}
