//! One scenario: its preparation, the body that is counted, and what is observed afterwards.

use std::cell::Cell;

use anyhow::Context;
use mmap_trace_ebpf::session::Role;
use nix::unistd::Pid;

use crate::cli::Bodies;
use crate::io_account::{IoAccount, Reading};
use crate::made_files::MadeFiles;
use crate::one_cpu::OneCpu;
use crate::round::Round;
use crate::run_state::RunState;
use crate::session::{CellIndex, MAIN_SLOT, ScenarioIndex};
use crate::side_process::SideProcess;
use crate::usage::{Usage, now_ns};
use crate::vmstat;

/// How often a file is made, and a scenario played, until nothing perturbs it.
///
/// The last attempt counts in any case; if it was perturbed too, an observation says so.
pub(crate) const ATTEMPTS: usize = 4;

/// The counter of `/proc/vmstat` for pages that were moved.
const MOVED_PAGES: &str = "pgmigrate_success";

/// A named piece of work that is counted by itself.
pub struct Scenario<'lesson> {
    run: &'lesson RunState,
    index: ScenarioIndex,
    attempt: Attempt,
    /// Its data is in memory, so a round in which a device is asked for data was perturbed.
    expects_no_input: Cell<bool>,
    /// Something else that it was prepared for did not last.
    is_marked: Cell<bool>,
    cpus: Cpus,
    rounds: Vec<FinishedRound>,
}

/// Whether the lesson has tried this scenario before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Again,
}

/// Where the processes of a scenario run while they are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cpus {
    /// All of them on the one on which the lesson is.
    One,
    All,
}

struct FinishedRound {
    cell: CellIndex,
    input_blocks: u64,
    migration: Migration,
}

/// Whether the kernel moved pages of the machine to other frames during a round, mostly to make room for huge
/// ones (mm/compaction.c). A process that needs such a page meanwhile faults and waits, and if the move comes
/// between such a fault and its end, the fault has to be taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Migration {
    Absent,
    Possible,
}

fn migration_since(moved_before: Option<u64>) -> Migration {
    if vmstat::count(MOVED_PAGES) == moved_before {
        Migration::Absent
    } else {
        Migration::Possible
    }
}

impl<'lesson> Scenario<'lesson> {
    pub(crate) fn new(run: &'lesson RunState, index: ScenarioIndex, attempt: Attempt) -> Self {
        Scenario {
            run,
            index,
            attempt,
            expects_no_input: Cell::new(false),
            is_marked: Cell::new(false),
            cpus: Cpus::One,
            rounds: Vec::new(),
        }
    }

    /// Lets the processes of the scenario run on several CPUs, as those that exchange something should.
    /// Otherwise all stay on one, because a process that moves may fault once more than it stores.
    pub fn use_all_cpus(&mut self) {
        self.cpus = Cpus::All;
    }

    /// Runs one round of the scenario; returns `None` if `--empty` left the body out.
    ///
    /// Only the body is counted: what comes before this call is preparation, what comes after it is
    /// observation.
    ///
    /// A body returns what it made (a mapping, for example) instead of releasing it. Otherwise the release
    /// would be counted in a normal run and not in a run with `--empty`, whose difference must be exactly
    /// what the scenario counts.
    pub fn run<R>(&mut self, body: impl FnOnce(&mut Round) -> R) -> Option<R> {
        let cell = match self.run.session.claim_cell(self.index) {
            Ok(cell) => cell,
            Err(error) => {
                self.run.fail(error);
                return None;
            }
        };
        self.run.session.take_part(cell, Role::Main);
        let mut round = Round::new(self.run.session, cell);
        let moved_before = vmstat::count(MOVED_PAGES);
        match self.measure(cell, &mut round, body) {
            Ok((result, usage)) => {
                self.rounds.push(FinishedRound {
                    cell,
                    input_blocks: usage.input_blocks,
                    migration: migration_since(moved_before),
                });
                self.settle(round);
                result
            }
            Err(error) => {
                self.run.fail(error);
                None
            }
        }
    }

    /// Between the two readings of the resource usage, nothing here may fault, allocate or call the
    /// kernel. The clock may be read in between, because that takes no system call.
    fn measure<R>(
        &self,
        cell: CellIndex,
        round: &mut Round,
        body: impl FnOnce(&mut Round) -> R,
    ) -> anyhow::Result<(Option<R>, Usage)> {
        let session = self.run.session;
        let _one_cpu = match self.cpus {
            Cpus::One => OneCpu::stay(),
            Cpus::All => None,
        };
        let io_before = self.io_now()?;
        let usage_before = Usage::now().context("getrusage")?;
        let begin_ns = now_ns();
        session.enter(MAIN_SLOT, cell);
        let result = match self.run.bodies {
            Bodies::Run => Some(body(round)),
            Bodies::LeftOut => None,
        };
        round.children.join_all();
        session.leave(MAIN_SLOT);
        let end_ns = now_ns();
        let usage_after = Usage::now().context("getrusage")?;

        let io_after = self.io_now()?;
        session.finish_cell(cell, begin_ns, end_ns, round.work);
        let elsewhere = round.children.usage_elsewhere();
        let usage = usage_after.since(usage_before).since(elsewhere);
        session.add_usage(cell, usage);
        // The kernel adds a child's I/O to its parent's, whichever scenario the child belonged to.
        if let (Some(before), Some(after), false) =
            (io_before, io_after, round.children.has_forked_elsewhere())
        {
            session.set_io(cell, after.since(before));
        }
        Ok((result, usage))
    }

    /// Starts a process that belongs to no scenario; see [`SideProcess`].
    pub fn start_side_process<T>(
        &self,
        body: impl FnOnce() -> anyhow::Result<(T, u64)>,
    ) -> anyhow::Result<SideProcess> {
        let process = SideProcess::start(body)?;
        // The fork write-protected our memory, as in `settle`.
        self.run.resident.restore()?;
        Ok(process)
    }

    fn io_now(&self) -> anyhow::Result<Option<Reading>> {
        self.run.io.as_ref().map(IoAccount::now).transpose()
    }

    /// Returns the number of the page frame that holds this address in a process of the lesson.
    ///
    /// The kernel shows it to privileged processes only (`/proc/PID/pagemap`), so the lesson asks the
    /// tracer, outside of every scenario, and waits for the answer. `ENOSYS`: nobody traces; `EFAULT`: no
    /// page is at the address; `EPERM`: the tracer refuses; `ETIMEDOUT`: the tracer is gone.
    pub fn frame(&self, process: Pid, address: usize) -> nix::Result<i64> {
        self.run.session.frame(process, address)
    }

    /// Declares that the scenario's data is in memory: a round in which a device is asked for data was
    /// perturbed, see [`Lesson::play`](crate::Lesson::play).
    pub fn expect_no_input(&self) {
        self.expects_no_input.set(true);
    }

    /// Records that something outside the lesson changed what this scenario was prepared for.
    pub fn mark_perturbed(&self) {
        self.is_marked.set(true);
    }

    /// Whether an earlier attempt at this scenario was perturbed.
    pub(crate) fn is_replay(&self) -> bool {
        self.attempt == Attempt::Again
    }

    pub(crate) fn made(&self) -> &MadeFiles {
        &self.run.made
    }

    /// Whether the scenario must be played again: it was marked, or a device was asked for data that had
    /// been in memory (`ru_inblock` counts what the task itself asked for), or pages were moved.
    pub(crate) fn is_perturbed(&self) -> bool {
        let has_read = self.rounds.iter().any(|round| round.input_blocks > 0);
        let has_moved = |round: &FinishedRound| round.migration == Migration::Possible;
        self.is_marked.get()
            || (self.expects_no_input.get() && has_read)
            || self.rounds.iter().any(has_moved)
    }

    /// Takes the rounds back.
    pub(crate) fn discard(self) {
        for round in &self.rounds {
            self.run.session.discard_cell(round.cell);
        }
    }

    /// Fork write-protects the parent's memory to share it. Makes it private again, outside the scenario,
    /// so that the next round does not pay for it.
    fn settle(&self, round: Round) {
        if round.children.has_forked()
            && let Err(error) = self.run.resident.restore()
        {
            self.run.fail(error);
        }
        if let Some(error) = round.children.into_failure() {
            self.run.fail(error);
        }
    }

    /// Records a named integer that is not a kernel event; its unit is the last one in its name.
    pub fn observe(&self, name: &str, value: i64) {
        self.observe_by(name, "", value);
    }

    /// Records such an integer for one of several processes, pages or sizes.
    pub fn observe_by(&self, name: &str, by: &str, value: i64) {
        let recorded = self.run.session.observe(self.index, name, by, value);
        if let Err(error) = recorded {
            self.run.fail(error);
        }
    }

    /// Records the sum of all bytes that a body saw, if it ran: equal contents have equal sums.
    ///
    /// Both halves are folded into one, because people compare shorter numbers more easily.
    pub fn observe_sum(&self, sum: impl Into<Option<u64>>) {
        if let Some(sum) = sum.into() {
            self.observe("sum", i64::from((sum ^ (sum >> 32)) as u32));
        }
    }
}
