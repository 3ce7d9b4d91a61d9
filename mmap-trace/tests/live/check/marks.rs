//! Scenarios of a lesson: faults, writeback, overlapping processes.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::{hold_expectations, play, start_play};
use crate::{
    harness::{Outcome, Pace, Test},
    sys,
    tracer::Recording,
};

pub(super) const TESTS: &[Test] = &[
    (
        "faults equal getrusage in every case, and their kinds are exact",
        faults,
    ),
    (
        "pages and device bytes are exact for every way to dirty a file",
        writeback,
    ),
    (
        "what another process has written back is charged to the scenario that dirtied it",
        flusher,
    ),
    (
        "overlapping processes in several scenarios and roles: no byte in the wrong row",
        overlap,
    ),
];

/// Where programs are preempted the second is skipped, too, as a rule where the first has acted; here the
/// first may have left the event to it.
pub(super) const SECOND_PROGRAMS: &[Test] = &[(
    "what the first program of a hook leaves to the second is counted alike",
    second_programs,
)];

fn faults() -> Result<Outcome> {
    faults_are_exact(&play("faults", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

/// A kernel that lets programs be preempted skips them by chance; here the first leaves every other event.
fn second_programs() -> Result<Outcome> {
    let halves = |name: &str| play(name, &["--inject", "first-leaves"])?.expect();
    faults_are_exact(&halves("faults")?)?;
    for name in ["writeback", "overlap", "bytes"] {
        hold_expectations(&halves(name)?).with_context(|| name.to_owned())?;
    }
    Ok(Outcome::Passed)
}

fn faults_are_exact(recording: &Recording) -> Result<()> {
    let mut wrong = Vec::new();
    for name in recording.scenarios() {
        wrong.extend(accounts_of(recording, name)?);
    }
    if let Err(error) = hold_expectations(recording) {
        wrong.push(error.to_string());
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The total, its parts and its divisions must all agree with the kernel's own account.
fn accounts_of(recording: &Recording, name: &str) -> Result<Vec<String>> {
    let count = |key: &str| recording.count(name, key);
    let rusage = |key: &str| recording.observed(name, key).map(i64::unsigned_abs);
    // bpf_find_vma gives up while another thread holds the address space for writing (mmap_read_trylock):
    // with threads that map memory some stores keep no class, and say so.
    let unclassified = match name {
        "threads" => 0,
        _ => count("faults.unclassified")?,
    };
    let exceptions = count("faults.user")? + count("faults.kernel")?;
    let pairs = [
        ("faults", count("faults")?, recording.rusage_faults(name)?),
        (
            "minor",
            count("faults.minor")?,
            rusage("rusage_minor_faults")?,
        ),
        (
            "major",
            count("faults.major")?,
            rusage("rusage_major_faults")?,
        ),
        (
            "parts",
            exceptions + count("faults.populate")?,
            count("faults")?,
        ),
        (
            "read and write",
            count("faults.read")? + count("faults.write")?,
            exceptions,
        ),
        ("unclassified", unclassified, 0),
    ];
    Ok(pairs
        .into_iter()
        .filter(|(_, counted, wanted)| counted != wanted)
        .map(|(what, counted, wanted)| format!("{name}: {what} is {counted}, not {wanted}"))
        .collect())
}

fn writeback() -> Result<Outcome> {
    hold_expectations(&play("writeback", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

/// The lesson ends without waiting for the device; we, who are not traced, make the kernel write.
fn flusher() -> Result<Outcome> {
    let mut start = start_play("flusher")?;
    start.command.args(["--settle", "20"]);
    let mut running = start.spawn()?;
    let disk = std::fs::File::open("/var/tmp").context("open(/var/tmp)")?;
    for _ in 0..200 {
        std::thread::sleep(Duration::from_millis(100));
        if running.child.try_wait()?.is_some() {
            hold_expectations(&running.finish()?.expect()?)?;
            return Ok(Outcome::Passed);
        }
        // Not before the lesson is through: it must not write while it is being written back.
        if is_waiting(running.child.id()) {
            sys::sync(libc::SYS_syncfs, &disk).context("syncfs")?;
        }
    }
    let _ = running.child.kill();
    bail!("the tracer still waits for the flusher")
}

/// Whether a tracer has no child any more.
fn is_waiting(tracer: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{tracer}/task/{tracer}/children"))
        .is_ok_and(|children| children.trim().is_empty())
}

fn overlap() -> Result<Outcome> {
    for _ in 0..Pace::here().choose(5, 1) {
        let held = hold_expectations(&play("overlap", &[])?.expect()?)?;
        ensure!(held >= 15, "only {held} numbers were compared");
    }
    Ok(Outcome::Passed)
}
