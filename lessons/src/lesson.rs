//! A lesson that is being run: its size, its directory, and its scenarios by name.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use mmap_trace_ebpf::session::PERTURBED;

use crate::cli::{Options, Patience};
use crate::failure::Failure;
use crate::run_state::RunState;
use crate::scenario::{ATTEMPTS, Attempt, Scenario};
use crate::session::Session;

/// The scenario that every lesson begins with: whatever it counts, counting itself causes.
const NULL_SCENARIO: &str = "null";

/// Prepares a scenario, runs its body once, and observes what is not an event in the kernel.
pub type Play<Data> = fn(&mut Scenario, &Data) -> anyhow::Result<()>;

/// Plays scenarios, and knows what they work with.
pub struct Lesson {
    state: RunState,
    patience: Patience,
    size_bytes: usize,
    directory: PathBuf,
    only: Option<String>,
    names: Vec<String>,
}

/// Runs the null scenario and the lesson, and reports what went wrong.
pub(crate) fn run(
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
    let state = RunState::establish(session, options.bodies()).map_err(Failure::Lesson)?;
    let mut lesson = Lesson {
        state,
        patience: options.patience(),
        size_bytes,
        directory,
        only: options.only,
        names: Vec::new(),
    };
    if let Some(mut null) = lesson.scenario(NULL_SCENARIO) {
        null.run(|_| ());
    }
    let result = body(&mut lesson);
    lesson.close(result)
}

impl Lesson {
    /// Bytes of data that the lesson works on: `--size`, rounded up to whole pages.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    #[must_use]
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// A fresh directory on a real file system, which no other run uses.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the scenario of this name, or `None` if `--only` selects another one.
    ///
    /// Asking for the same name again gives another round of the same scenario.
    pub fn scenario(&mut self, name: &str) -> Option<Scenario<'_>> {
        self.attempt(name, Attempt::First)
    }

    /// Plays a scenario unless `--only` selects another one, and names it in an error.
    ///
    /// A scenario is perturbed if the kernel reclaims pages that it needs in the page cache, makes huge pages
    /// of small ones meanwhile or moves pages to other frames, or if another process syncs what it leaves dirty. Then its rounds are
    /// discarded and it is played again, three times at most. Preparing the data again is up to `play`;
    /// [`Recipe::prepare`](crate::data::Recipe::prepare) does so.
    pub fn play(
        &mut self,
        name: &str,
        mut play: impl FnMut(&mut Scenario) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut attempt = Attempt::First;
        for left in (0..ATTEMPTS).rev() {
            self.state.made.settle();
            let Some(mut scenario) = self.attempt(name, attempt) else {
                return Ok(());
            };
            play(&mut scenario).with_context(|| format!("scenario {name}"))?;
            if scenario.made().is_perturbed() {
                scenario.mark_perturbed();
            }
            if !scenario.is_perturbed() {
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

    /// Plays the scenarios of a table in its order, all with the same data.
    pub fn play_each<Data>(
        &mut self,
        scenarios: &[(&str, Play<Data>)],
        data: &Data,
    ) -> anyhow::Result<()> {
        for (name, play) in scenarios {
            self.play(name, |scenario| play(scenario, data))?;
        }
        Ok(())
    }

    /// Plays a scenario that may make a file at the path it is given; the file is removed afterwards, so
    /// that the next scenario has its disk space and its share of the page cache.
    pub fn play_with_file(
        &mut self,
        name: &str,
        mut play: impl FnMut(&mut Scenario, &Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let path = self.directory.join(name);
        self.play(name, |scenario| {
            play(scenario, &path)?;
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    Err(error).with_context(|| format!("remove {}", path.display()))
                }
                _ => Ok(()),
            }
        })
    }

    /// Plays scenarios in turn, `rounds` times each, so that all of them meet the same changes in the
    /// machine's speed and their times can be compared. The order is reversed every second time.
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
        match self.state.session.scenario(name) {
            Ok(index) => Some(Scenario::new(&self.state, index, attempt)),
            Err(error) => {
                self.state.fail(error);
                None
            }
        }
    }

    /// An error inside the library explains the one that the body met, so it is reported first.
    fn close(self, result: anyhow::Result<()>) -> Result<(), Failure> {
        if let Some(error) = self.state.into_failure() {
            return Err(Failure::Lesson(error));
        }
        result.map_err(Failure::Lesson)?;
        match self.only {
            Some(only) if !self.names.contains(&only) => Err(Failure::Usage(anyhow!(
                "no scenario named {only}, this lesson has: {}",
                self.names.join(", ")
            ))),
            _ => Ok(()),
        }
    }
}
