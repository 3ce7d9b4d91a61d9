//! One scenario: preparation, the body that is counted, aftermath.

use std::cell::Cell;

use anyhow::Context;

use mmap_trace_ebpf::session::Role;
use nix::unistd::Pid;

use crate::beside::Beside;
use crate::cli::Bodies;
use crate::io_account::{IoAccount, Reading};
use crate::lesson::Lesson;
use crate::made::Made;
use crate::round::Round;
use crate::session::{CellIndex, MAIN_SLOT, ScenarioIndex};
use crate::usage::{Usage, now_ns};

/// A named piece of work that is counted by itself.
pub struct Scenario<'lesson> {
    lesson: &'lesson mut Lesson,
    index: ScenarioIndex,
    attempt: Attempt,
    /// Whether its data is in memory, so that a device that is asked for some spoils the round.
    expects_no_input: Cell<bool>,
    /// Whether something else that it was prepared for did not last.
    is_spoiled: Cell<bool>,
    rounds: Vec<FinishedRound>,
}

/// Whether the lesson has tried this scenario before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    First,
    Again,
}

/// What is kept of a round that has ended.
struct FinishedRound {
    cell: CellIndex,
    input_blocks: u64,
}

impl<'lesson> Scenario<'lesson> {
    pub(crate) fn new(lesson: &'lesson mut Lesson, index: ScenarioIndex, attempt: Attempt) -> Self {
        Scenario {
            lesson,
            index,
            attempt,
            expects_no_input: Cell::new(false),
            is_spoiled: Cell::new(false),
            rounds: Vec::new(),
        }
    }

    /// Runs one round of the scenario.
    ///
    /// Everything before this call is preparation and everything after it is aftermath; neither is
    /// counted. `None` with `--empty`: then everything happens but the body.
    ///
    /// What a body holds is released after the scenario if it is left out. So that a run with
    /// `--empty` differs from one without by what the scenario counts and by nothing else, a body hands
    /// back what it made (a mapping, for example) instead of releasing it.
    pub fn run<R>(&mut self, body: impl FnOnce(&mut Round) -> R) -> Option<R> {
        let cell = match self.lesson.session.claim_cell(self.index) {
            Ok(cell) => cell,
            Err(error) => {
                self.lesson.fail(error);
                return None;
            }
        };
        self.lesson.session.take_part(cell, Role::Main);
        let mut round = Round::new(self.lesson.session, cell);
        match self.measure(cell, &mut round, body) {
            Ok((result, usage)) => {
                self.rounds.push(FinishedRound {
                    cell,
                    input_blocks: usage.input_blocks,
                });
                self.settle(round);
                result
            }
            Err(error) => {
                self.lesson.fail(error);
                None
            }
        }
    }

    /// Between the two readings of the resource usage nothing here may fault, allocate or call the
    /// kernel; the clock is inside them because it is read without a system call.
    fn measure<R>(
        &self,
        cell: CellIndex,
        round: &mut Round,
        body: impl FnOnce(&mut Round) -> R,
    ) -> anyhow::Result<(Option<R>, Usage)> {
        let session = self.lesson.session;
        let io_before = self.io_now()?;
        let usage_before = Usage::now().context("getrusage")?;
        let begin_ns = now_ns();
        session.enter(MAIN_SLOT, cell);
        let result = match self.lesson.bodies {
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
        // The account of a child is added to its parent's, whichever scenario it belonged to.
        if let (Some(before), Some(after), false) =
            (io_before, io_after, round.children.has_forked_elsewhere())
        {
            session.set_io(cell, after.since(before));
        }
        Ok((result, usage))
    }

    /// Starts a process that is in no scenario. See [`Beside`].
    pub fn beside<T>(
        &self,
        body: impl FnOnce() -> anyhow::Result<(T, u64)>,
    ) -> anyhow::Result<Beside> {
        let beside = Beside::start(body)?;
        // As after a round that forked.
        self.lesson.resident.restore()?;
        Ok(beside)
    }

    fn io_now(&self) -> anyhow::Result<Option<Reading>> {
        self.lesson.io.as_ref().map(IoAccount::now).transpose()
    }

    /// The number of the page frame that holds this address of a process of the lesson.
    ///
    /// The kernel tells it to privileged processes only (`/proc/PID/pagemap`), so the tracer is asked, and
    /// waited for, outside of every scenario. `ENOSYS`: nobody traces; `EFAULT`: no page is there; `EPERM`:
    /// the tracer does not say; `ETIMEDOUT`: it is gone.
    pub fn frame(&self, process: Pid, address: usize) -> nix::Result<i64> {
        self.lesson.session.frame(process, address)
    }

    /// Says that the data of this scenario is in memory: a round in which a device is asked for some does
    /// not count, see [`Lesson::play`](crate::Lesson::play).
    pub fn expect_no_input(&self) {
        self.expects_no_input.set(true);
    }

    /// Says that something outside of the lesson changed what this scenario was prepared for.
    pub fn spoil(&self) {
        self.is_spoiled.set(true);
    }

    /// Whether an earlier attempt at this scenario was spoiled.
    pub(crate) fn is_replay(&self) -> bool {
        self.attempt == Attempt::Again
    }

    /// Files that the lesson has made.
    pub(crate) fn made(&self) -> &Made {
        &self.lesson.made
    }

    /// Whether it is to be played again: a device was asked for data that had been in memory
    /// (`ru_inblock` counts what the task itself asked for), or somebody said so.
    pub(crate) fn is_spoiled(&self) -> bool {
        let read = self.rounds.iter().any(|round| round.input_blocks > 0);
        self.is_spoiled.get() || (self.expects_no_input.get() && read)
    }

    /// Takes the rounds back.
    pub(crate) fn discard(self) {
        for round in &self.rounds {
            self.lesson.session.discard_cell(round.cell);
        }
    }

    /// Fork write-protects the parent's memory to share it; make it private again, outside the scenario.
    fn settle(&self, round: Round) {
        if round.children.has_forked()
            && let Err(error) = self.lesson.resident.restore()
        {
            self.lesson.fail(error);
        }
        if let Some(error) = round.children.into_failure() {
            self.lesson.fail(error);
        }
    }

    /// Records a named integer that is not a kernel event; the unit stands at the end of the name.
    pub fn observe(&self, name: &str, value: i64) {
        self.observe_by(name, "", value);
    }

    /// The same for one of several: a process, a page, a size.
    pub fn observe_by(&self, name: &str, by: &str, value: i64) {
        let recorded = self.lesson.session.observe(self.index, name, by, value);
        if let Err(error) = recorded {
            self.lesson.fail(error);
        }
    }
}
