//! A lesson that is being run: its size, its directory, and its scenarios by name.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::Relaxed;

use anyhow::{Context, anyhow};
use mmap_trace_ebpf::session::PERTURBED;

use crate::cli::{Bodies, Options, Patience};
use crate::collapse::Collapses;
use crate::failure::Failure;
use crate::io_account::IoAccount;
use crate::made::Made;
use crate::resident::Resident;
use crate::scenario::{Attempt, Scenario};
use crate::session::Session;

/// The scenario that every lesson begins with: whatever it counts, counting itself causes.
const NULL_SCENARIO: &str = "null";

/// How often a file is made, and a scenario played, until nobody takes pages of a warm file away.
/// The last time counts, whatever came of it; if it was disturbed too, that is observed.
pub(crate) const ATTEMPTS: usize = 4;

/// What a lesson works with.
pub struct Lesson {
    pub(crate) session: Session,
    pub(crate) resident: Resident,
    pub(crate) bodies: Bodies,
    patience: Patience,
    pub(crate) io: Option<IoAccount>,
    size_bytes: usize,
    directory: PathBuf,
    only: Option<String>,
    names: Vec<String>,
    pub(crate) made: Made,
    failure: RefCell<Option<anyhow::Error>>,
}

/// Runs the null scenario and the lesson, and says what went wrong.
pub(crate) fn teach(
    session: Session,
    options: Options,
    directory: PathBuf,
    body: impl FnOnce(&mut Lesson) -> anyhow::Result<()>,
) -> Result<(), Failure> {
    let size_bytes = options
        .size
        .whole_pages(crate::page_bytes())
        .with_context(|| format!("--size {} is more than memory can address", options.size))
        .map_err(Failure::Usage)?;
    let wants_io = session.page().wants_io.load(Relaxed) == 1;
    let io = wants_io.then(IoAccount::open).transpose();
    let mut lesson = Lesson {
        session,
        io: io.map_err(Failure::Lesson)?,
        resident: Resident::establish().map_err(Failure::Lesson)?,
        bodies: options.bodies(),
        patience: options.patience(),
        size_bytes,
        directory,
        only: options.only,
        names: Vec::new(),
        made: Made::nothing(Collapses::now()),
        failure: RefCell::new(None),
    };
    if let Some(mut null) = lesson.scenario(NULL_SCENARIO) {
        null.run(|_| ());
    }
    let outcome = body(&mut lesson);
    lesson.close(outcome)
}

impl Lesson {
    /// Bytes of data that the lesson works on: `--size`, in whole pages.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Whether there is time to wait for the kernel.
    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// A fresh directory on a real file system that belongs to this run.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The scenario of this name, or `None` if `--only` selects another one.
    ///
    /// Asking for the same name again gives another round of the same scenario.
    pub fn scenario(&mut self, name: &str) -> Option<Scenario<'_>> {
        self.attempt(name, Attempt::First)
    }

    /// Plays a scenario, if `--only` does not select another one, and says in an error which it was.
    ///
    /// If the kernel takes pages back that the scenario found in memory and needs there, or makes huge pages
    /// of small ones meanwhile, or somebody has everything written that it leaves dirty, its rounds do not
    /// count and it is played again, three times at most. Preparing the data anew is up to `play`;
    /// [`Recipe::prepare`](crate::data::Recipe::prepare) does.
    pub fn play(
        &mut self,
        name: &str,
        mut play: impl FnMut(&mut Scenario) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut attempt = Attempt::First;
        for left in (0..ATTEMPTS).rev() {
            self.made.settle();
            let Some(mut scenario) = self.attempt(name, attempt) else {
                return Ok(());
            };
            play(&mut scenario).with_context(|| format!("scenario {name}"))?;
            if scenario.made().is_disturbed() {
                scenario.spoil();
            }
            if !scenario.is_spoiled() {
                return Ok(());
            }
            if left == 0 {
                scenario.observe(PERTURBED, i64::try_from(ATTEMPTS)?);
                return Ok(());
            }
            scenario.discard();
            attempt = Attempt::Again;
        }
        Ok(())
    }

    /// Plays scenarios in turn, so many rounds of each, so that they share the machine's good and bad
    /// moments and their times can be compared. Every second time the order is reversed.
    pub fn alternate<Case>(
        &mut self,
        rounds: usize,
        cases: &[(String, Case)],
        mut play: impl FnMut(&mut Scenario, &Case) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for round in 0..rounds {
            for place in 0..cases.len() {
                let place = if round % 2 == 0 {
                    place
                } else {
                    cases.len() - 1 - place
                };
                let (name, case) = &cases[place];
                self.play(name, |scenario| play(scenario, case))?;
            }
        }
        Ok(())
    }

    fn attempt(&mut self, name: &str, attempt: Attempt) -> Option<Scenario<'_>> {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
        if self.only.as_deref().is_some_and(|only| only != name) {
            return None;
        }
        match self.session.scenario(name) {
            Ok(index) => Some(Scenario::new(self, index, attempt)),
            Err(error) => {
                self.fail(error);
                None
            }
        }
    }

    /// Keeps the first thing that went wrong inside the library; the run ends with it.
    pub(crate) fn fail(&self, error: anyhow::Error) {
        self.failure.borrow_mut().get_or_insert(error);
    }

    /// What the library saw explains what the body saw, so it is told first.
    fn close(self, outcome: anyhow::Result<()>) -> Result<(), Failure> {
        if let Some(error) = self.failure.into_inner() {
            return Err(Failure::Lesson(error));
        }
        outcome.map_err(Failure::Lesson)?;
        match self.only {
            Some(only) if !self.names.contains(&only) => Err(Failure::Usage(anyhow!(
                "no scenario named {only}, this lesson has: {}",
                self.names.join(", ")
            ))),
            _ => Ok(()),
        }
    }
}
