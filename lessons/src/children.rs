//! Processes that a round forks: each has its own slot on the session page, and all are joined before the
//! round ends.

use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};
use mmap_trace_ebpf::session::{Role, SLOTS};
use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::wait::WaitStatus;
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use crate::session::{CellIndex, MAIN_SLOT, Session};
use crate::usage::{Usage, now_ns};
use crate::work::Work;

/// A forked process that has not been joined.
#[derive(Debug)]
pub struct Child {
    slot: usize,
    pid: Pid,
}

impl Child {
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }
}

#[derive(Clone, Copy)]
struct Running {
    pid: Pid,
    role: Role,
    /// The round of another scenario that it belongs to, and when that round began.
    elsewhere: Option<(CellIndex, u64)>,
}

/// All processes of one round. Nothing here allocates unless something fails.
pub(crate) struct Children {
    session: Session,
    parent: Pid,
    running: [Option<Running>; SLOTS],
    usage_elsewhere: Usage,
    forks: usize,
    forks_elsewhere: usize,
    failure: Option<anyhow::Error>,
}

impl Children {
    pub(crate) fn new(session: Session) -> Self {
        Children {
            session,
            parent: getpid(),
            running: [None; SLOTS],
            usage_elsewhere: Usage::default(),
            forks: 0,
            forks_elsewhere: 0,
            failure: None,
        }
    }

    /// Forks into a round that the parent measures.
    pub(crate) fn fork(
        &mut self,
        cell: CellIndex,
        role: Role,
        body: impl FnOnce() -> Result<()>,
    ) -> Result<Child> {
        self.spawn(cell, role, None, body)
    }

    /// Forks into a round of another scenario, which begins and ends with the child.
    pub(crate) fn fork_elsewhere(
        &mut self,
        cell: CellIndex,
        role: Role,
        body: impl FnOnce() -> Result<()>,
    ) -> Result<Child> {
        self.spawn(cell, role, Some((cell, now_ns())), body)
    }

    /// Announces the child with plain stores before the fork; the tracer's program on
    /// `sched_process_fork` reads them in the kernel.
    fn spawn(
        &mut self,
        cell: CellIndex,
        role: Role,
        elsewhere: Option<(CellIndex, u64)>,
        body: impl FnOnce() -> Result<()>,
    ) -> Result<Child> {
        let slot = self
            .free_slot()
            .with_context(|| format!("more than {} processes in one scenario", SLOTS - 1))?;
        self.session.announce_child(MAIN_SLOT, slot, role, cell);
        // SAFETY: the lesson has one thread, so the child may do whatever the parent might.
        let forked = unsafe { fork() };
        if let Ok(ForkResult::Child) = forked {
            live(self.parent, role, body);
        }
        self.session.child_forked(MAIN_SLOT);
        let Ok(ForkResult::Parent { child: pid }) = forked else {
            self.session.leave(slot);
            return Err(forked.err().unwrap_or(Errno::EAGAIN)).context("fork");
        };
        self.forks += 1;
        self.forks_elsewhere += usize::from(elsewhere.is_some());
        self.running[slot] = Some(Running {
            pid,
            role,
            elsewhere,
        });
        Ok(Child { slot, pid })
    }

    fn free_slot(&self) -> Option<usize> {
        (1..SLOTS).find(|slot| self.running[*slot].is_none())
    }

    /// Waits for one child, which must succeed.
    pub(crate) fn join(&mut self, child: &Child) -> Result<()> {
        let running = self.take(child)?;
        let status = self.wait(child.slot, running)?;
        require_success(running.role, status)
    }

    /// Waits for one child, which a signal must kill.
    pub(crate) fn join_killed(&mut self, child: &Child) -> Result<Signal> {
        let running = self.take(child)?;
        match self.wait(child.slot, running)? {
            WaitStatus::Signaled(_, signal, _) => Ok(signal),
            status => {
                require_success(running.role, status)?;
                bail!("the {} was not killed", running.role.name())
            }
        }
    }

    fn take(&mut self, child: &Child) -> Result<Running> {
        let Child { slot, pid } = *child;
        let running = self.running[slot].take_if(|running| running.pid == pid);
        running.context("this process belongs to another round")
    }

    /// Waits for all children that have not been joined.
    pub(crate) fn join_all(&mut self) {
        for slot in 1..SLOTS {
            let Some(running) = self.running[slot].take() else {
                continue;
            };
            let ended = self.wait(slot, running);
            if let Err(error) = ended.and_then(|status| require_success(running.role, status)) {
                self.failure.get_or_insert(error);
            }
        }
    }

    fn wait(&mut self, slot: usize, running: Running) -> Result<WaitStatus> {
        let waited = wait4(running.pid);
        // Whether it is dead or unknown to the kernel, its slot is free.
        self.session.leave(slot);
        let (status, usage) = waited.with_context(|| format!("wait4({})", running.pid))?;
        if let Some((cell, begin_ns)) = running.elsewhere {
            self.usage_elsewhere = self.usage_elsewhere.plus(usage);
            self.session.add_usage(cell, usage);
            self.session
                .finish_cell(cell, begin_ns, now_ns(), Work::default());
        }
        Ok(status)
    }

    /// What children in other scenarios used; `getrusage(2)` counts it for the parent as well.
    pub(crate) fn usage_elsewhere(&self) -> Usage {
        self.usage_elsewhere
    }

    pub(crate) fn has_forked(&self) -> bool {
        self.forks > 0
    }

    pub(crate) fn has_forked_elsewhere(&self) -> bool {
        self.forks_elsewhere > 0
    }

    /// The failure of the first child that failed without having been joined by the body.
    pub(crate) fn into_failure(self) -> Option<anyhow::Error> {
        self.failure
    }
}

fn require_success(role: Role, status: WaitStatus) -> Result<()> {
    let role = role.name();
    match status {
        WaitStatus::Exited(_, 0) => Ok(()),
        WaitStatus::Exited(_, code) => Err(anyhow!("the {role} ended with exit code {code}")),
        WaitStatus::Signaled(_, signal, _) => Err(anyhow!("the {role} was killed by {signal}")),
        other => Err(anyhow!(
            "the {role} ended with an unexpected status: {other:?}"
        )),
    }
}

/// Runs the child's whole life. It never returns into the lesson, so no destructor of the parent runs twice.
fn live(parent: Pid, role: Role, body: impl FnOnce() -> Result<()>) -> ! {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
    // The kernel sends no signal for a parent that died before the call above.
    let code = if getppid() == parent {
        exit_code(role, body)
    } else {
        1
    };
    // SAFETY: ends the process without running the parent's exit handlers.
    unsafe { libc::_exit(code) }
}

fn exit_code(role: Role, body: impl FnOnce() -> Result<()>) -> i32 {
    match body() {
        Ok(()) => 0,
        Err(error) => {
            // If stderr is closed, the exit code still tells the parent.
            let text = format!("error: {}: {error:#}\n", role.name());
            let _ = std::io::stderr().write_all(text.as_bytes());
            1
        }
    }
}

/// Waits for one child and returns what it used; nix has no `wait4`.
fn wait4(pid: Pid) -> nix::Result<(WaitStatus, Usage)> {
    let mut status = 0;
    // SAFETY: an all-zero rusage is a valid one.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers are to live variables of the right types.
        let answer = unsafe { libc::wait4(pid.as_raw(), &raw mut status, 0, &raw mut usage) };
        match Errno::result(answer) {
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok((WaitStatus::from_raw(pid, status)?, Usage::of_child(&usage))),
        }
    }
}
