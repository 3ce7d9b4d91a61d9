//! Runs without root, compared with runs as root: another account, in a directory that it can enter.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::Command,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, Result, ensure};

use super::lessons::{LESSONS, options_of, recording_of};
use crate::{
    harness::{Outcome, Test},
    lesson,
    tracer::{self, Ran, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "every lesson runs without root, no claim fails, and its counts equal those with root",
        same_counts,
    ),
    (
        "without root the null scenario counts nothing, also in /proc/PID/io",
        null_is_zero,
    ),
    (
        "without root a lesson cannot truncate the session page",
        cut_page,
    ),
    (
        "without root a scenario without getrusage's account has no counts",
        unaccounted,
    ),
];

pub(super) const OFFERS: &[Test] = &[(
    "without root and without --unprivileged the error offers the fallbacks",
    fallbacks,
)];

const NOBODY: u32 = 65534;

/// A copy of the tracer and the lessons that any account may run: the clone may lie in root's home.
struct Elsewhere(tempfile::TempDir);

impl Elsewhere {
    fn new() -> Result<Self> {
        let folder = tracer::open_directory()?;
        let mut programs = vec![tracer::binary()?];
        for lesson in LESSONS {
            programs.push(tracer::lesson(lesson)?);
        }
        for program in programs {
            let name = program.file_name().context("a program has a name")?;
            std::fs::copy(&program, folder.path().join(name)).context("copy")?;
        }
        Ok(Elsewhere(folder))
    }

    fn tracer(&self) -> PathBuf {
        self.0.path().join("mmap-trace")
    }

    fn run(&self, lesson: &str, options: &[&str]) -> Result<Ran> {
        let results = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
        std::os::unix::fs::chown(results.path(), Some(NOBODY), Some(NOBODY)).context("chown")?;
        let file = results.path().join("recording.json");
        let plain = tracer::command(std::iter::empty::<OsString>())?;
        let mut command = Command::new(self.tracer());
        for (name, value) in plain.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .uid(NOBODY)
            .gid(NOBODY)
            .args(["run", lesson, "--output"])
            .arg(&file)
            .args(options)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        tracer::without_random_addresses(&mut command);
        tracer::finish(command.spawn().context("start the tracer")?, &file)
    }
}

/// One run of each lesson, shared by all tests that need no particular run.
static RUNS: Mutex<BTreeMap<&str, Recording>> = Mutex::new(BTreeMap::new());

fn unprivileged_of(elsewhere: &Elsewhere, lesson: &'static str) -> Result<Recording> {
    let mut runs = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(recording) = runs.get(lesson) {
        return Ok(recording.clone());
    }
    let recording = unprivileged(elsewhere, lesson)?;
    runs.insert(lesson, recording.clone());
    Ok(recording)
}

fn unprivileged(elsewhere: &Elsewhere, lesson: &str) -> Result<Recording> {
    let options = [&["--unprivileged"][..], &options_of(lesson)].concat();
    let ran = elsewhere.run(lesson, &options)?;
    let (code, error) = (ran.output.status.code(), ran.error());
    ensure!(code == Some(3), "{lesson} ended with {code:?}: {error}");
    let recording = ran.expect()?;
    ensure!(recording.0["machine"]["instrument"] == "unprivileged");
    for claim in recording.0["claims"].as_array().context("no claims")? {
        ensure!(claim["verdict"] != "fails", "{lesson}: {claim:#}");
    }
    Ok(recording)
}

/// Both kinds of run are compared up to this often: whether the page cache uses large folios for a file is
/// the kernel's choice.
const ATTEMPTS: usize = 4;

fn same_counts() -> Result<Outcome> {
    let elsewhere = Elsewhere::new()?;
    for lesson in LESSONS {
        let mut wrong = Vec::new();
        for attempt in 0..ATTEMPTS {
            let (less, more) = match attempt {
                0 => (unprivileged_of(&elsewhere, lesson)?, recording_of(lesson)?),
                _ => (
                    unprivileged(&elsewhere, lesson)?,
                    tracer::run(lesson.as_ref(), &options_of(lesson))?.expect()?,
                ),
            };
            let differ = differences(&less, &more)?;
            // A count is wrong only if it differs in every attempt.
            wrong.retain(|known| differ.contains(known));
            if attempt == 0 {
                others_are_unavailable(&less)?;
                wrong = differ;
            }
            if wrong.is_empty() {
                break;
            }
        }
        ensure!(
            wrong.is_empty(),
            "{lesson}: the runs with and without root never agreed about {wrong:?}"
        );
    }
    Ok(Outcome::Passed)
}

/// Scenarios and metrics that two runs count differently, except faults that depend on more than the
/// scenario: on readahead where pages come from the device, on addresses where processes are forked.
fn differences(less: &Recording, more: &Recording) -> Result<Vec<(String, &'static str)>> {
    ensure!(less.scenarios() == more.scenarios(), "other scenarios");
    let mut differ = Vec::new();
    let mut compared = 0;
    for scenario in more.scenarios() {
        let mut compare = |key| -> Result<()> {
            compared += 1;
            if less.count(scenario, key)? != more.count(scenario, key)? {
                differ.push((scenario.to_owned(), key));
            }
            Ok(())
        };
        compare("block_read_bytes")?;
        let forks = more.scenario(scenario)?["roles"].as_object();
        let forks = forks.is_some_and(|roles| !roles.is_empty());
        if !forks && more.count(scenario, "block_read_bytes")? == 0 {
            compare("faults")?;
        }
    }
    ensure!(compared > 5, "only {compared} counts were compared");
    Ok(differ)
}

fn others_are_unavailable(recording: &Recording) -> Result<()> {
    for metric in recording.0["metrics"].as_array().context("no metrics")? {
        let name = metric["name"].as_str().unwrap_or_default();
        let counted = ["faults", "block_read_bytes"].contains(&name);
        ensure!(counted == (metric["state"] != "unavailable"), "{metric}");
        let reason = metric["reason"].as_str().unwrap_or_default();
        ensure!(
            counted || reason.contains("needs root: "),
            "{name}: {reason}"
        );
    }
    Ok(())
}

fn null_is_zero() -> Result<Outcome> {
    let elsewhere = Elsewhere::new()?;
    for lesson in LESSONS {
        let recording = unprivileged_of(&elsewhere, lesson)?;
        for key in ["faults", "block_read_bytes"] {
            ensure!(
                recording.count("null", key)? == 0,
                "{lesson}: {key} of nothing"
            );
        }
        let io = &recording.scenario("null")?["observed"]["proc_io"]["by"];
        let io = io.as_object().context("no /proc/PID/io")?;
        ensure!(
            io.len() == 7 && io.values().all(|value| value == 0),
            "{lesson}: {io:?} of nothing"
        );
    }
    Ok(Outcome::Passed)
}

fn play(name: &str) -> Result<Recording> {
    let folder = lesson::folder()?;
    let folder = lesson::argument(&folder);
    let folder = folder.to_str().context("a path that is no text")?;
    let options = ["--unprivileged", "--only", name];
    Elsewhere::new()?.run(folder, &options)?.expect()
}

/// Unlike an eBPF array, a memfd can be truncated unless it is sealed.
fn cut_page() -> Result<Outcome> {
    let recording = play("cut-page")?;
    ensure!(recording.scenarios() == ["before"]);
    Ok(Outcome::Passed)
}

/// The children of this play have scenarios of their own, for which nobody calls getrusage.
fn unaccounted() -> Result<Outcome> {
    let recording = play("overlap")?;
    let mut forgotten = 0;
    for name in recording
        .scenarios()
        .into_iter()
        .filter(|it| *it != "parent")
    {
        let faults = &recording.scenario(name)?["counts"]["faults"];
        let reason = faults["reason"].as_str().unwrap_or_default();
        ensure!(
            faults["value"].is_null() && reason.contains("no account"),
            "{name}: {faults}"
        );
        forgotten += 1;
    }
    ensure!(forgotten > 0, "every scenario was accounted for");
    recording.count("parent", "faults")?;
    Ok(Outcome::Passed)
}

fn fallbacks() -> Result<Outcome> {
    let elsewhere = Elsewhere::new()?;
    let ran = elsewhere.run("lesson-3", &[])?;
    let error = ran.error();
    ensure!(
        ran.output.status.code() == Some(2),
        "{}: {error}",
        ran.output.status
    );
    let binary = elsewhere.tracer();
    let offers = [
        format!("sudo {} run lesson-3\n", binary.display()),
        "cargo xtask run lesson-3 --kernel 6.12\n".to_owned(),
        format!("{} run lesson-3 --unprivileged\n", binary.display()),
        format!("{} report FILE\n", binary.display()),
    ];
    let places: Vec<_> = offers
        .iter()
        .map(|offer| error.find(offer.as_str()))
        .collect();
    ensure!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{places:?} in:\n{error}"
    );
    ensure!(ran.recording.is_none(), "a recording of nothing");
    Ok(Outcome::Passed)
}
