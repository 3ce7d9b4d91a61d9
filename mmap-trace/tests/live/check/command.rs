//! `exec` as a wrapper of a command: exit codes, signals, standard streams.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    harness::{Outcome, Test},
    tracer::{self, Ran, Recording, Start},
    workload,
};

pub(super) const TESTS: &[Test] = &[
    (
        "exec exits with the command's code, 128+n after a signal, 126 or 127 if the command cannot run",
        codes,
    ),
    (
        "a command starts with the signal dispositions that a shell would give it",
        signals,
    ),
    ("exec forwards a signal to its command", forwarded),
    (
        "exec declares processes that go on after the command, and counts them with --follow",
        followed,
    ),
    (
        "with --format json standard output holds nothing but the report",
        streams,
    ),
];

fn exec(options: &[&str], command: &[&str]) -> Result<Ran> {
    let command: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
    tracer::exec(options, &command)
}

fn codes() -> Result<Outcome> {
    let directory = tempfile::tempdir().context("tempdir")?;
    let plain = directory.path().join("plain");
    std::fs::write(&plain, "no program").context("write")?;
    let plain = plain.to_string_lossy();
    for (command, wanted) in [
        (&["true"][..], 0),
        (&["sh", "-c", "exit 7"], 7),
        (&["sh", "-c", "kill -TERM $$"], 143),
        (&["sh", "-c", "kill -KILL $$"], 137),
        (&["sh", "-c", "kill -PIPE $$"], 141),
        (&[&*plain], 126),
        (&["/var/tmp"], 126),
        (&["no-such-command-anywhere"], 127),
        (&["/no/such/command"], 127),
    ] {
        let ran = exec(&[], command)?;
        let error = ran.error();
        ensure!(
            ran.output.status.code() == Some(wanted),
            "{command:?}: {}\n{error}",
            ran.output.status
        );
        let is_ours = matches!(wanted, 126 | 127);
        ensure!(
            is_ours == error.contains("error: "),
            "{command:?} said: {error}"
        );
        ensure!(
            !is_ours || ran.recording.is_none(),
            "{command:?} left a recording"
        );
        ensure!(
            is_ours || ran.recording.is_some(),
            "{command:?} left no recording"
        );
    }
    Ok(Outcome::Passed)
}

/// The Rust runtime ignores SIGPIPE and the tracer blocks signals; the command must inherit neither.
fn signals() -> Result<Outcome> {
    // The test's own runtime ignores SIGPIPE, so the tracer starts with SIGPIPE ignored; `codes` tests the
    // default action in the command.
    let ignored = exec(&[], &["grep", "^SigIgn:", "/proc/self/status"])?;
    let text = String::from_utf8_lossy(&ignored.output.stdout).into_owned();
    let mask = text.trim_start_matches("SigIgn:").trim();
    let mask = u64::from_str_radix(mask, 16).with_context(|| text.clone())?;
    ensure!(mask & (1 << 12) == 0, "the command ignores SIGPIPE: {text}");
    let directory = tempfile::tempdir().context("tempdir")?;
    let shown = directory.path().to_string_lossy();
    let command = workload::command_line("signals-at-start", 1, &shown, false)?;
    let ran = tracer::exec(&[], &command)?;
    ensure!(ran.output.status.success(), "{}", ran.error());
    Ok(Outcome::Passed)
}

fn forwarded() -> Result<Outcome> {
    let directory = tempfile::tempdir().context("tempdir")?;
    let ready = directory.path().join("ready");
    let script = format!(
        "trap 'exit 9' TERM; : > {}; while :; do sleep 0.05; done",
        ready.display()
    );
    let mut start = Start::of("exec")?;
    start.command.args(["--", "sh", "-c", &script]);
    let running = start.spawn()?;
    wait_for(&ready)?;
    kill(
        Pid::from_raw(running.child.id().cast_signed()),
        Signal::SIGTERM,
    )
    .context("kill")?;
    let ran = running.finish()?;
    ensure!(
        ran.output.status.code() == Some(9),
        "{}: {}",
        ran.output.status,
        ran.error()
    );
    ensure!(ran.recording.is_some(), "no recording");
    Ok(Outcome::Passed)
}

fn wait_for(path: &Path) -> Result<()> {
    for _ in 0..1000 {
        if path.exists() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    anyhow::bail!("the command did not start")
}

/// Ways to go on after the command: `WORK` writes 100,000 bytes half a second later.
const LATE: [&str; 4] = [
    "(WORK) & exit 3",
    "setsid sh -c 'WORK' & exit 3",
    "(setsid sh -c '(WORK) & exit' & exit) & sleep 0.1; exit 3",
    "unshare -Urpf sh -c '(WORK) & wait' & exit 3",
];

fn followed() -> Result<Outcome> {
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let work = format!(
        "sleep 0.5; exec dd if=/dev/zero of={}/late bs=1000 count=100 status=none",
        directory.path().display()
    );
    for late in LATE {
        let script = late.replace("WORK", &work);
        let of = |options: &[&str]| -> Result<(String, Recording)> {
            let ran = exec(options, &["sh", "-c", &script])?;
            let error = ran.must_exit_with(3)?;
            Ok((error, ran.recording.context("no recording")?))
        };
        let (error, left) = of(&[])?;
        ensure!(
            error.contains("still running; what"),
            "{late}: no word about the rest: {error}"
        );
        ensure!(
            left.0["losses"]["still_running"].as_u64() >= Some(1),
            "{late}"
        );
        ensure!(
            left.losses("exec")? > 0,
            "{late}: no number is declared lost"
        );
        let (error, left) = of(&["--follow", "--timeout", "0.1"])?;
        ensure!(error.contains("still running; what"), "{late}: {error}");
        ensure!(
            left.losses("exec")? > 0,
            "{late}: no number is declared lost"
        );
        let (error, all) = of(&["--follow"])?;
        ensure!(!error.contains("still running; what"), "{late}: {error}");
        ensure!(all.losses("exec")? == 0, "{late}: {}", all.0["losses"]);
        for (key, wanted) in [
            ("copied_to_user_bytes.other", 100_000),
            ("copied_from_user_bytes.page_cache", 100_000),
        ] {
            let counted = all.count("exec", key)?;
            ensure!(
                counted == wanted,
                "{late}: {key} is {counted}, not {wanted}"
            );
        }
    }
    Ok(Outcome::Passed)
}

fn streams() -> Result<Outcome> {
    let tracer = tracer::command(["exec", "--format", "json", "--", "echo", "hello"])?.spawn()?;
    let output = tracer::wait(tracer, Duration::from_secs(30))?;
    let recording: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("standard output is no JSON")?;
    ensure!(recording["scenarios"][0]["name"] == "exec", "{recording}");
    ensure!(String::from_utf8_lossy(&output.stderr).contains("hello"));
    Ok(Outcome::Passed)
}
