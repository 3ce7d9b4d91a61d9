//! The database is killed with SIGKILL between any two steps of its work, and opened again.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lessons::{Role, Scenario};

use crate::data::{Data, SPARE_BYTES, TEXT_BYTES, fill, options};
use crate::store::{Durability, Options, Steps, Store, compose};

/// Documents of the stores that are killed: what matters is where they are hit.
const DOCUMENTS: u64 = 8;
/// The one that is updated.
const KEY: u64 = 3;

/// What the killed process was doing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// An update that moves the document.
    Update,
    /// The same, and all steps of a group commit, remap and flush.
    UpdateAndCommit,
    /// Opening the store, after a kill that left the update in the journal alone.
    Recover,
}

/// Stores straight into the shared views.
pub(crate) fn without_journal(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, Durability::Nothing, Task::Update)
}

/// The same stores into the private views.
pub(crate) fn in_update(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, Durability::Journal, Task::Update)
}

/// And on their way to the journal and to the data files.
pub(crate) fn in_commit(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, Durability::Journal, Task::UpdateAndCommit)
}

/// And while the journal is read.
pub(crate) fn in_recovery(scenario: &mut Scenario, data: &Data) -> Result<()> {
    play(scenario, data, Durability::Journal, Task::Recover)
}

/// A task that is hit between two steps, again and again.
struct Victim {
    durability: Durability,
    task: Task,
    /// What the document becomes: one byte too long for its record.
    document: Vec<u8>,
}

/// How many of the kills had which end.
#[derive(Default)]
struct Ends {
    /// The update is not there.
    without: i64,
    /// The update is there.
    with: i64,
    /// The store is broken.
    broken: i64,
    /// The data files were broken before the journal was read.
    broken_before_recovery: i64,
    /// The update was in the journal and is not there, or the other way round.
    unexplained: i64,
    /// Sections that were copied from the journal, all kills together.
    redone_sections: i64,
}

fn play(scenario: &mut Scenario, data: &Data, durability: Durability, task: Task) -> Result<()> {
    let mut victim = Victim {
        durability,
        task,
        document: Vec::new(),
    };
    let text_bytes = TEXT_BYTES + SPARE_BYTES + 1;
    compose(&mut victim.document, KEY, 1, text_bytes);
    data.make_place()?;
    let template = data.place.join("template");
    fs::create_dir(&template).context("making the template")?;
    let mut store = Store::open(&template, options(DOCUMENTS, durability))?;
    fill(&mut store, DOCUMENTS)?;
    if task == Task::Recover {
        store.update(&victim.document)?;
        store.prepare()?;
        store.write_journal()?;
    }
    drop(store);

    let place = data.place.join("store");
    let (steps, journaled) = victim.rehearse(&template, &place)?;
    let mut ends = Ends::default();
    let mut kills = 0;
    for stop in 0..steps {
        copy(&template, &place)?;
        let killed = scenario.run(|round| -> Result<()> {
            let writer = round.fork(Role::Writer, || victim.work(&place, stop))?;
            round.work.operations = 1;
            round.join_killed(writer)?;
            Ok(())
        });
        if killed.transpose()?.is_some() {
            kills += 1;
            victim.look(&place, stop >= journaled, &mut ends)?;
        }
    }
    for (name, value) in [
        ("kills", kills),
        ("without_update", ends.without),
        ("with_update", ends.with),
        ("broken", ends.broken),
        ("broken_before_recovery", ends.broken_before_recovery),
        ("unexplained", ends.unexplained),
        ("redone_sections", ends.redone_sections),
    ] {
        scenario.observe(name, value);
    }
    Ok(())
}

impl Victim {
    fn open(&self, place: &Path, steps: Steps) -> Result<Store> {
        let options = options(DOCUMENTS, self.durability);
        Store::open(place, Options { steps, ..options })
    }

    /// What the process does after opening the store; it says after which step the journal has the update.
    fn run(&self, store: &mut Store) -> Result<u64> {
        store.update(&self.document)?;
        if self.task == Task::Update {
            return Ok(u64::MAX);
        }
        store.prepare()?;
        store.write_journal()?;
        let journaled = store.steps();
        store.write_data_files()?;
        store.remap()?;
        store.flush()?;
        store.trim_journal()?;
        Ok(journaled)
    }

    /// Steps that it takes, and after how many of them the journal has the update.
    fn rehearse(&self, template: &Path, place: &Path) -> Result<(u64, u64)> {
        copy(template, place)?;
        let mut store = self.open(place, Steps::unlimited())?;
        if self.task == Task::Recover {
            return Ok((store.steps(), 0));
        }
        let opened = store.steps();
        let journaled = self.run(&mut store)?;
        Ok((store.steps() - opened, journaled.saturating_sub(opened)))
    }

    /// The whole life of the killed process.
    fn work(&self, place: &Path, steps: u64) -> Result<()> {
        if self.task == Task::Recover {
            self.open(place, Steps::killed_after(steps))?;
            return Ok(());
        }
        let mut store = self.open(place, Steps::unlimited())?;
        store.kill_after(steps);
        self.run(&mut store)?;
        Ok(())
    }

    /// Opens what it has left, first without a look at the journal.
    fn look(&self, place: &Path, is_journaled: bool, ends: &mut Ends) -> Result<()> {
        let raw = Store::open(place, options(DOCUMENTS, Durability::Nothing))?;
        ends.broken_before_recovery += i64::from(raw.check().is_err());
        drop(raw);
        let store = self.open(place, Steps::unlimited())?;
        ends.redone_sections += store.recovery().redone_sections.cast_signed();
        let Ok(documents) = store.check() else {
            ends.broken += 1;
            return Ok(());
        };
        ensure!(documents.len() as u64 == DOCUMENTS, "a document is missing");
        let has_update = documents.get(&KEY) == Some(&self.document);
        if has_update {
            ends.with += 1;
        } else {
            ends.without += 1;
        }
        let is_protected = self.durability == Durability::Journal;
        ends.unexplained += i64::from(is_protected && has_update != is_journaled);
        Ok(())
    }
}

/// Makes `to` a copy of `from`, a directory with files and directories of files.
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
