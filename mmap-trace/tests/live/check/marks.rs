//! Faults, writeback and overlapping processes in the scenarios of a lesson.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::{hold_expectations, play, start_play};
use crate::{
    harness::{Outcome, Pace, Test},
    sys,
    tracer::Recording,
};

pub(super) const TESTS: &[Test] = &[
    ("faults and their kinds are exact in every case", faults),
    (
        "pages that stores copied are exact for every kind of store",
        copy_on_write,
    ),
    (
        "pages that may have been copied when they were pinned are a loss",
        pinned,
    ),
    (
        "pages and device bytes are exact for every way to dirty a file",
        writeback,
    ),
    (
        "pages written back by another process count for the scenario that dirtied them",
        flusher,
    ),
    (
        "processes that overlap in several scenarios and roles put no byte in the wrong row",
        overlap,
    ),
];

/// For the host only: where programs can be preempted, a backup can be skipped at an event that the primary
/// left to it on purpose.
pub(super) const BACKUP_PROGRAMS: &[Test] = &[(
    "counts are exact when backup programs handle every other event",
    backup_programs,
)];

fn faults() -> Result<Outcome> {
    faults_are_exact(&play("faults", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

/// A kernel that preempts programs skips some by chance; here the primary skips every other event.
fn backup_programs() -> Result<Outcome> {
    let halves = |name: &str| play(name, &["--inject", "primary-skips"])?.expect();
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

/// Compares the total, its parts and its divisions with the kernel's own account.
fn accounts_of(recording: &Recording, name: &str) -> Result<Vec<String>> {
    let count = |key: &str| recording.count(name, key);
    let rusage = |key: &str| recording.observed(name, key).map(i64::unsigned_abs);
    // bpf_find_vma fails while another thread has locked the address space for writing
    // (mmap_read_trylock), so some stores of threads that map memory stay unclassified.
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

fn copy_on_write() -> Result<Outcome> {
    hold_expectations(&play("copy-on-write", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

fn pinned() -> Result<Outcome> {
    let recording = play("pinned", &[])?.expect()?;
    let copied = &recording.scenario("pinned")?["counts"]["cow_copied_pages"];
    ensure!(
        copied["value"] == 0 && copied["lost"] == 256,
        "256 pages may have been copied: {copied}"
    );
    Ok(Outcome::Passed)
}

fn writeback() -> Result<Outcome> {
    hold_expectations(&play("writeback", &[])?.expect()?)?;
    Ok(Outcome::Passed)
}

/// The lesson ends without waiting for the device; the test, which is not traced, makes the kernel write.
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
        // Only after the lesson has ended: it must not write to pages under writeback.
        if is_waiting(running.child.id()) {
            sys::sync(libc::SYS_syncfs, &disk).context("syncfs")?;
        }
    }
    let _ = running.child.kill();
    bail!("the tracer still waits for the flusher after 20 s")
}

/// Whether the tracer's child has ended, so that it only waits for writeback.
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
