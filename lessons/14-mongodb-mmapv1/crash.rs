//! Kills the database with SIGKILL between any two steps of its work, and opens the store again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lessons::{Role, Scenario};

use crate::data::{Data, SPARE_BYTES, TEXT_BYTES, fill};
use crate::store::{Durability, Steps, Store, compose};

/// Documents of a store that is killed; the size of the store does not matter here.
const DOCUMENTS: u64 = 8;
/// The document that is updated.
const KEY: u64 = 3;

/// What the process is doing when it is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// It moves the document in the shared views; there is no journal and no private view.
    UpdateWithoutJournal,
    /// It moves the document in the private views.
    Update,
    /// It moves the document, commits, remaps and flushes.
    Commit,
    /// It opens a store whose journal alone has the update.
    Recover,
}

/// How many of the kills ended in each way.
#[derive(Default)]
struct Ends {
    without_update: i64,
    with_update: i64,
    broken: i64,
    /// The data files were broken before the journal was read.
    broken_before_recovery: i64,
    /// The update was in the journal but not in the recovered store, or the other way round.
    unexplained: i64,
    /// Sections copied from the journal, summed over all kills.
    redone_sections: i64,
}

pub(crate) fn play(scenario: &mut Scenario, data: &Data, task: Task) -> Result<()> {
    let victim = Victim::new(task);
    let template = data.directory.join("template");
    let directory = data.directory.join("store");
    data.make_directory()?;
    victim.make_template(&template)?;
    copy(&template, &directory)?;
    let rehearsal = victim.work(&directory, Steps::default())?;
    let mut ends = Ends::default();
    let mut kills = 0;
    for stop in rehearsal.first..rehearsal.end {
        copy(&template, &directory)?;
        let killed = scenario.run(|round| -> Result<()> {
            let writer = round.fork(Role::Writer, || {
                victim.work(&directory, Steps::killed_after(stop))?;
                Ok(())
            })?;
            round.work.operations = 1;
            round.join_killed(writer)?;
            Ok(())
        });
        if killed.transpose()?.is_some() {
            kills += 1;
            victim.examine(&directory, stop >= rehearsal.journaled, &mut ends)?;
        }
    }
    for (name, value) in [
        ("kills", kills),
        ("without_update", ends.without_update),
        ("with_update", ends.with_update),
        ("broken", ends.broken),
        ("broken_before_recovery", ends.broken_before_recovery),
        ("unexplained", ends.unexplained),
        ("redone_sections", ends.redone_sections),
    ] {
        scenario.observe(name, value);
    }
    Ok(())
}

/// How many steps the process takes if it is not killed, counted from opening the store.
struct Rehearsal {
    /// The first step to kill at.
    first: u64,
    /// From this step on the journal has the update.
    journaled: u64,
    end: u64,
}

/// The process that is killed.
struct Victim {
    task: Task,
    durability: Durability,
    /// The updated document: one byte too long for its record.
    document: Vec<u8>,
}

impl Victim {
    fn new(task: Task) -> Self {
        let mut document = Vec::new();
        compose(&mut document, KEY, 1, TEXT_BYTES + SPARE_BYTES + 1);
        let durability = match task {
            Task::UpdateWithoutJournal => Durability::Nothing,
            _ => Durability::Journal,
        };
        Victim {
            task,
            durability,
            document,
        }
    }

    fn open(&self, directory: &Path, steps: Steps) -> Result<Store> {
        Store::open(directory, self.durability, DOCUMENTS, steps)
    }

    /// Makes the store that every killed process begins with.
    fn make_template(&self, directory: &Path) -> Result<()> {
        fs::create_dir(directory).context("making the template")?;
        let mut store = self.open(directory, Steps::default())?;
        fill(&mut store, DOCUMENTS, |_| TEXT_BYTES)?;
        store.flush()?;
        store.trim_journal()?;
        if self.task == Task::Recover {
            store.update(&self.document)?;
            store.prepare()?;
            store.write_journal()?;
        }
        Ok(())
    }

    /// Does everything that the process would do if it were not killed.
    fn work(&self, directory: &Path, steps: Steps) -> Result<Rehearsal> {
        let mut store = self.open(directory, steps)?;
        let mut journaled = 0;
        let mut first = 0;
        if self.task != Task::Recover {
            first = store.steps();
            journaled = u64::MAX;
            store.update(&self.document)?;
        }
        if self.task == Task::Commit {
            store.prepare()?;
            store.write_journal()?;
            journaled = store.steps();
            store.write_data_files()?;
            store.remap()?;
            store.flush()?;
            store.trim_journal()?;
        }
        Ok(Rehearsal {
            first,
            journaled,
            end: store.steps(),
        })
    }

    /// Opens what the killed process left, first without reading the journal, then with recovery.
    fn examine(&self, directory: &Path, is_journaled: bool, ends: &mut Ends) -> Result<()> {
        let raw = Store::open(directory, Durability::Nothing, DOCUMENTS, Steps::default())?;
        ends.broken_before_recovery += i64::from(raw.check().is_err());
        drop(raw);
        let store = self.open(directory, Steps::default())?;
        ends.redone_sections += store.redone_sections.cast_signed();
        let Ok(documents) = store.check() else {
            ends.broken += 1;
            return Ok(());
        };
        ensure!(
            documents.len() as u64 == DOCUMENTS,
            "a store of {DOCUMENTS} documents has {} after a kill",
            documents.len()
        );
        let has_update = documents.get(&KEY) == Some(&self.document);
        ends.with_update += i64::from(has_update);
        ends.without_update += i64::from(!has_update);
        let is_protected = self.durability == Durability::Journal;
        ends.unexplained += i64::from(is_protected && has_update != is_journaled);
        Ok(())
    }
}

/// Makes `to` a copy of the directory `from`.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        fs::remove_dir_all(to).with_context(|| format!("removing {}", to.display()))?;
    }
    fs::create_dir(to).with_context(|| format!("making {}", to.display()))?;
    for entry in fs::read_dir(from).context("reading the template")? {
        let path = entry.context("reading the template")?.path();
        let target = to.join(path.file_name().context("a file without a name")?);
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target).with_context(|| format!("copying {}", path.display()))?;
        }
    }
    Ok(())
}
