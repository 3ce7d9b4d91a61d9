//! Kernels and containers that allow less: other ways to tell members and to count.

use std::{ffi::OsStr, os::unix::process::CommandExt as _, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{hold_expectations, play, refusal};
use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    lesson,
    tracer::{self, Ran, Recording},
};

pub(super) const TESTS: &[Test] = &[
    (
        "without CAP_SYS_ADMIN members are told by the task table, to the byte",
        without_namespaces,
    ),
    (
        "without CAP_SYS_ADMIN what outlives a lesson is ended with it",
        daemons_without_namespaces,
    ),
    (
        "faults heard of by perf events or by their returns equal getrusage",
        other_probes_of_faults,
    ),
    (
        "a forced probe holds every claim, or says what the kernel refused and decides nothing",
        forced,
    ),
];

/// `CAP_SYS_ADMIN` (include/uapi/linux/capability.h).
const SYS_ADMIN: libc::c_ulong = 21;

/// A play whose tracer may not unshare anything, as in a container.
fn restricted(name: &str, directory: &Path) -> Result<Ran> {
    let folder = lesson::folder()?;
    let file = folder.path().join("recording.json");
    let mut tracer = tracer::command(["run"])?;
    tracer
        .arg(lesson::argument(&folder))
        .args(["--only", name, "--work-dir"])
        .arg(directory)
        .arg("--output")
        .arg(&file);
    // SAFETY: prctl(2) is async-metric-safe and touches no memory.
    unsafe {
        tracer.pre_exec(
            || match libc::prctl(libc::PR_CAPBSET_DROP, SYS_ADMIN, 0, 0, 0) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            },
        );
    }
    tracer::finish(tracer.spawn().context("start the tracer")?, &file)
}

fn without_namespaces() -> Result<Outcome> {
    for name in ["overlap", "blocked-readers", "writeback"] {
        let recording = restricted(name, Path::new("/var/tmp"))?.expect()?;
        hold_expectations(&recording).with_context(|| name.to_owned())?;
    }
    let recording = restricted("faults", Path::new("/var/tmp"))?.expect()?;
    equal_getrusage(&recording)?;
    Ok(Outcome::Passed)
}

fn daemons_without_namespaces() -> Result<Outcome> {
    let before = Machine::now()?;
    let recording = restricted("left-behind", Path::new("/var/tmp"))?.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    Ok(Outcome::Passed)
}

/// Total, minor and major of every scenario.
fn equal_getrusage(recording: &Recording) -> Result<()> {
    let mut wrong = Vec::new();
    for name in recording.scenarios() {
        for (key, usage) in [
            ("faults.minor", "rusage_minor_faults"),
            ("faults.major", "rusage_major_faults"),
        ] {
            let counted = recording.count(name, key)?;
            let wanted = recording.observed(name, usage)?.unsigned_abs();
            if counted != wanted {
                wrong.push(format!("{name}: {key} is {counted}, not {wanted}"));
            }
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

fn other_probes_of_faults() -> Result<Outcome> {
    let recording = play("faults", &["--force-probe", "faults=perf_events"])?.expect()?;
    equal_getrusage(&recording)?;
    let recording = play("faults", &["--force-probe", "faults=handle_mm_fault"])?.expect()?;
    match refusal(&recording, "faults")? {
        None => equal_getrusage(&recording)?,
        Some(reason) => ensure!(reason.contains("the kernel refuses"), "{reason}"),
    }
    Ok(Outcome::Passed)
}

fn forced() -> Result<Outcome> {
    for (probe, metric) in [
        ("copies=fexit", "copied_to_user_bytes"),
        ("pages_written=folio_start_writeback", "pages_written"),
        ("faults=handle_mm_fault", "faults"),
    ] {
        let options = ["--size", "1MiB", "--force-probe", probe];
        let ran = tracer::run(OsStr::new("lesson-3"), &options)?;
        let code = ran.output.status.code();
        let recording = ran.expect()?;
        match refusal(&recording, metric)? {
            None => ensure!(code == Some(0), "{probe}: exit code {code:?}"),
            Some(reason) => {
                ensure!(reason.contains("the kernel refuses"), "{probe}: {reason}");
                ensure!(code == Some(3), "{probe}: exit code {code:?}");
                decides_nothing(&recording, metric)?;
            }
        }
    }
    Ok(Outcome::Passed)
}

/// No scenario has a number, and no check that asks for it has a verdict.
fn decides_nothing(recording: &Recording, metric: &str) -> Result<()> {
    for name in recording.scenarios() {
        let count = &recording.scenario(name)?["counts"][metric];
        ensure!(
            count["value"].is_null() && count["reason"].is_string(),
            "{name}: {count}"
        );
    }
    let checks = recording.0["claims"].as_array().into_iter().flatten();
    let mut asked = 0;
    for check in checks.flat_map(|claim| claim["checks"].as_array().into_iter().flatten()) {
        if check["expect"]
            .as_str()
            .is_some_and(|text| text.contains(metric))
        {
            asked += 1;
            ensure!(check["verdict"] == "unobservable", "{check}");
        }
    }
    ensure!(asked > 0, "no check asks for {metric}");
    Ok(())
}
