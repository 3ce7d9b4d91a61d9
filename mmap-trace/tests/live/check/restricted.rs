//! Kernels and containers that allow less: fewer capabilities, and other probes.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt as _,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};
use mmap_trace_ebpf::session::{FRAME_FOUND, FRAME_REFUSED};

use super::{comparison::Comparison, hold_expectations, play, refusal, start_play};
use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    tracer::{self, Recording, Start},
};

pub(super) const TESTS: &[Test] = &[
    ("without CAP_SYS_ADMIN counts are exact", without_capability),
    (
        "without CAP_SYS_ADMIN the tracer ends processes that outlive their lesson",
        daemons_without_capability,
    ),
    (
        "in a pid namespace with the /proc of the host the tracer finds its own processes",
        under_the_proc_of_the_host,
    ),
    (
        "faults from perf events and from returns of handle_mm_fault equal getrusage",
        other_probes_of_faults,
    ),
    (
        "with a forced probe every claim holds, or the kernel's refusal is reported and decides nothing",
        forced,
    ),
];

/// `CAP_SYS_ADMIN` (include/uapi/linux/capability.h).
const SYS_ADMIN: libc::c_ulong = 21;

/// A scenario whose children are in scenarios of their own, while getrusage counts them here.
const CHILDREN_ELSEWHERE: &str = "parent";

/// Runs a play under a tracer with fewer capabilities, as in a container.
fn restricted(name: &str) -> Result<Recording> {
    tracer::repeat_if_skipped(|| {
        let mut start = start_play(name)?;
        // SAFETY: prctl(2) is async-signal-safe and touches no memory.
        unsafe {
            start.command.pre_exec(|| {
                match libc::prctl(libc::PR_CAPBSET_DROP, SYS_ADMIN, 0, 0, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            });
        }
        start.finish()
    })?
    .expect()
}

fn without_capability() -> Result<Outcome> {
    let recording = restricted("several")?;
    hold_expectations(&recording)?;
    equal_getrusage(&recording)?;
    Ok(Outcome::Passed)
}

fn daemons_without_capability() -> Result<Outcome> {
    let before = Machine::now()?;
    let recording = restricted("left-behind")?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    before.must_be_as_before()?;
    Ok(Outcome::Passed)
}

/// There, each number in /proc means another process: those of a lesson are those of kernel threads.
fn under_the_proc_of_the_host() -> Result<Outcome> {
    let before = Machine::now()?;
    let inside = |start: Start| {
        let tracer = &start.command;
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--"]);
        command.arg(tracer.get_program()).args(tracer.get_args());
        command
            .env_remove("SUDO_UID")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        start.with(command).finish()
    };
    let ran = tracer::repeat_if_skipped(|| inside(start_play("left-behind")?))?;
    let recording = ran.expect()?;
    ensure!(recording.count("before", "copied_to_user_bytes.other")? == 1000);
    let ran = inside(start_play("frames")?)?;
    let frames = ran.expect()?;
    let answers = &frames.scenario("frames")?["observed"]["result"]["by"];
    ensure!(
        answers["own"] == FRAME_FOUND && answers["init"] == FRAME_REFUSED,
        "{answers}"
    );
    let mut start = Start::of("exec")?;
    let script = "sleep 1000 & setsid sleep 1000 & exit 5";
    start.command.args(["--", "sh", "-c", script]);
    let ran = inside(start)?;
    let error = ran.must_exit_with(5)?;
    ensure!(
        error.contains("but 2 processes of it are still running"),
        "{error}"
    );
    before.must_be_as_before()?;
    Ok(Outcome::Passed)
}

/// Compares minor and major faults of every scenario that called getrusage.
fn equal_getrusage(recording: &Recording) -> Result<()> {
    let mut comparison = Comparison::of(recording);
    let scenarios = recording.scenarios().into_iter();
    for name in scenarios.filter(|name| *name != CHILDREN_ELSEWHERE) {
        for (key, usage) in [
            ("faults.minor", "rusage_minor_faults"),
            ("faults.major", "rusage_major_faults"),
        ] {
            if let Ok(wanted) = recording.observed(name, usage) {
                comparison.count(name, key, wanted.unsigned_abs());
            }
        }
    }
    ensure!(comparison.end()? > 0, "no scenario called getrusage");
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

/// No scenario has a value for the metric, and every check that uses it is unobservable.
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
