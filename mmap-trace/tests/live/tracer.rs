//! The tracer under test, run as a user runs it, and the recording that it leaves.

use std::{
    ffi::OsStr,
    io::Read as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::harness::Pace;

/// The binary that cargo built for this test, or the one that `MMAP_TRACE_BIN` names.
pub(crate) fn binary() -> Result<PathBuf> {
    std::env::var_os("MMAP_TRACE_BIN")
        .or_else(|| option_env!("CARGO_BIN_EXE_mmap-trace").map(Into::into))
        .map(PathBuf::from)
        .context("no tracer: run this by cargo test, or name a binary with MMAP_TRACE_BIN")
}

/// A lesson's binary, beside the tracer.
pub(crate) fn lesson(id: &str) -> Result<PathBuf> {
    let path = binary()?.with_file_name(id);
    let profile = if cfg!(debug_assertions) {
        ""
    } else {
        " --release"
    };
    ensure!(
        path.exists(),
        "{} is missing; build it with: cargo build{profile} --package lessons",
        path.display()
    );
    Ok(path)
}

/// A tracer with these arguments and nothing inherited but the environment.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Command> {
    Ok(command_of(&binary()?, arguments))
}

/// The same for a tracer that stands elsewhere.
pub(crate) fn command_of<S: AsRef<OsStr>>(
    binary: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Lets a command and its children lie at the same addresses in every run: faults depend on it.
pub(crate) fn without_random_addresses(command: &mut Command) {
    // SAFETY: personality(2) is async-metric-safe and touches no memory.
    unsafe {
        command.pre_exec(
            || match libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong) {
                -1 => Err(std::io::Error::last_os_error()),
                _ => Ok(()),
            },
        );
    }
}

/// What a finished run left.
pub(crate) struct Ran {
    /// Its exit status and streams.
    pub(crate) output: Output,
    /// Its recording, if it wrote one.
    pub(crate) recording: Option<Recording>,
}

impl Ran {
    /// The recording of a run that was to succeed.
    pub(crate) fn expect(self) -> Result<Recording> {
        let error = self.error();
        let status = self.output.status;
        let recording = self
            .recording
            .with_context(|| format!("{status}, no recording:\n{error}"))?;
        ensure!(
            recording.0["incomplete"].is_null(),
            "incomplete ({status}): {}\n{error}",
            recording.0["incomplete"]
        );
        Ok(recording)
    }

    /// Standard error as text.
    pub(crate) fn error(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }
}

/// Runs to the end, but no longer than a minute or in a box five, and reads the recording that `--output` asked for.
pub(crate) fn finish(child: Child, recording: &Path) -> Result<Ran> {
    let limit = Pace::here().choose(Duration::from_mins(1), Duration::from_mins(5));
    let output = wait(child, limit)?;
    let recording = match std::fs::read_to_string(recording) {
        Ok(text) if !text.is_empty() => Some(Recording(
            serde_json::from_str(&text).context("the recording is not JSON")?,
        )),
        _ => None,
    };
    Ok(Ran { output, recording })
}

/// Waits for a child whose streams are pipes.
pub(crate) fn wait(mut child: Child, limit: Duration) -> Result<Output> {
    // Both pipes are drained beside the waiting, or a talkative child would block for ever.
    let drain = |stream: Option<Box<dyn std::io::Read + Send>>| {
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
            bytes
        })
    };
    let stdout = drain(child.stdout.take().map(|it| Box::new(it) as _));
    let stderr = drain(child.stderr.take().map(|it| Box::new(it) as _));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().context("wait")? {
            break status;
        }
        if begin.elapsed() > limit {
            let _ = child.kill();
            let _ = child.wait();
            bail!("still running after {} s", limit.as_secs());
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let stdout = read(stdout, begin + limit)?;
    let stderr = read(stderr, begin + limit)?;
    Ok(Output {
        status,
        stdout,
        stderr,
    })
}

/// What a stream said. A process that outlives the tracer may hold it open for ever.
fn read(reader: JoinHandle<Vec<u8>>, deadline: Instant) -> Result<Vec<u8>> {
    while !reader.is_finished() {
        ensure!(
            Instant::now() < deadline,
            "it ended, and something still holds its streams"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(reader.join().unwrap_or_default())
}

/// `mmap-trace exec` of a command.
pub(crate) fn exec(options: &[&str], traced: &[String]) -> Result<Ran> {
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let file = directory.path().join("recording.json");
    let mut process = command(["exec", "--output"])?;
    process.arg(&file).args(options).arg("--").args(traced);
    without_random_addresses(&mut process);
    let child = process.spawn().context("start the tracer")?;
    finish(child, &file)
}

/// `mmap-trace run` of a lesson.
pub(crate) fn run(lesson: &OsStr, options: &[&str]) -> Result<Ran> {
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    let file = directory.path().join("recording.json");
    let mut process = command(["run"])?;
    process.arg(lesson).arg("--output").arg(&file).args(options);
    without_random_addresses(&mut process);
    let child = process.spawn().context("start the tracer")?;
    finish(child, &file)
}

/// A recording, by the names that its format documents.
#[derive(Clone, Debug)]
pub(crate) struct Recording(pub(crate) Value);

impl Recording {
    /// Names of the scenarios.
    pub(crate) fn scenarios(&self) -> Vec<&str> {
        self.0["scenarios"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|scenario| scenario["name"].as_str())
            .collect()
    }

    /// One scenario.
    pub(crate) fn scenario(&self, name: &str) -> Result<&Value> {
        self.0["scenarios"]
            .as_array()
            .and_then(|all| all.iter().find(|scenario| scenario["name"] == name))
            .with_context(|| format!("no scenario {name} in {:?}", self.scenarios()))
    }

    /// A count of a scenario: `faults`, `faults.cow`, or `sender:copied_from_user_bytes.pipe`.
    pub(crate) fn count(&self, scenario: &str, key: &str) -> Result<u64> {
        let record = self.scenario(scenario)?;
        let (counts, key) = match key.split_once(':') {
            None => (&record["counts"], key),
            Some((role, key)) => (&record["roles"][role], key),
        };
        let (metric, part) = match key.split_once('.') {
            None => (key, None),
            Some((metric, part)) => (metric, Some(part)),
        };
        let count = &counts[metric];
        let value = match part {
            None => &count["value"],
            Some(part) => &count["by"][part],
        };
        value
            .as_u64()
            .with_context(|| format!("{scenario} has no {key}: {count}"))
    }

    /// An observation of a scenario.
    pub(crate) fn observed(&self, scenario: &str, name: &str) -> Result<i64> {
        self.scenario(scenario)?["observed"][name]["value"]
            .as_i64()
            .with_context(|| format!("{scenario} observed no {name}"))
    }

    /// Faults by getrusage's account.
    pub(crate) fn rusage_faults(&self, scenario: &str) -> Result<u64> {
        let minor = self.observed(scenario, "rusage_minor_faults")?;
        let major = self.observed(scenario, "rusage_major_faults")?;
        Ok((minor + major).unsigned_abs())
    }

    /// What a scenario lost, over all metrics.
    pub(crate) fn losses(&self, scenario: &str) -> Result<u64> {
        let counts = self.scenario(scenario)?["counts"]
            .as_object()
            .context("no counts")?;
        Ok(counts
            .values()
            .filter_map(|count| count["lost"].as_u64())
            .sum())
    }
}
