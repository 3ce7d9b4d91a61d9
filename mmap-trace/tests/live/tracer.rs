//! Runs the tracer as a user does, and reads the recording that it leaves.

use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    io::Read,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{self, Pace};

/// The tracer that `MMAP_TRACE_BIN` names, or the one that cargo built for this test.
pub(crate) fn binary() -> Result<PathBuf> {
    std::env::var_os("MMAP_TRACE_BIN")
        .or_else(|| option_env!("CARGO_BIN_EXE_mmap-trace").map(Into::into))
        .map(PathBuf::from)
        .context("no tracer: run this by cargo test, or name a binary with MMAP_TRACE_BIN")
}

/// The binary of a lesson, which lies beside the tracer.
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

/// A variable that every process of a traced command inherits, and its value.
pub(crate) const MARK: [&str; 2] = ["MMAP_TRACE_LIVE_TEST", "traced"];

/// A tracer with these arguments, which inherits the environment and no stream.
pub(crate) fn command<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Result<Command> {
    Ok(command_of(&binary()?, arguments))
}

/// The same for a tracer at another path.
pub(crate) fn command_of<S: AsRef<OsStr>>(
    binary: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> Command {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .env_remove("SUDO_UID")
        .env_remove("SUDO_GID")
        .env(MARK[0], MARK[1]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Turns off address randomization for a command and its children, because faults depend on addresses.
pub(crate) fn without_random_addresses(command: &mut Command) {
    // SAFETY: personality(2) is async-signal-safe and touches no memory.
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
    pub(crate) output: Output,
    pub(crate) recording: Option<Recording>,
}

impl Ran {
    /// The recording of a run that must have succeeded.
    pub(crate) fn expect(self) -> Result<Recording> {
        let error = self.error();
        let status = self.output.status;
        for note in error.lines().filter(|line| line.contains("skipped")) {
            harness::tell(note);
        }
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

    pub(crate) fn error(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Requires an exit code and returns standard error.
    pub(crate) fn must_exit_with(&self, code: i32) -> Result<String> {
        let (status, error) = (self.output.status, self.error());
        ensure!(
            status.code() == Some(code),
            "{status} instead of exit code {code}: {error}"
        );
        Ok(error)
    }
}

/// Waits for a tracer, at most one minute or five in a VM, and reads its recording.
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
///
/// Threads that block do the waiting: each system call of a polling loop would be one more event that the
/// kernel may skip a program at (`repeat_if_skipped`).
pub(crate) fn wait(mut child: Child, limit: Duration) -> Result<Output> {
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    let pid = Pid::from_raw(child.id().cast_signed());
    let ended = in_thread(move || child.wait());
    let deadline = Instant::now() + limit;
    let Ok(status) = ended.recv_timeout(limit) else {
        let _ = kill(pid, Signal::SIGKILL);
        let _ = ended.recv();
        bail!("still running after {} s", limit.as_secs());
    };
    // A process that outlives the tracer may hold a stream open for ever.
    let read = |stream: Receiver<Vec<u8>>| {
        let left = deadline.saturating_duration_since(Instant::now());
        let bytes = stream.recv_timeout(left);
        bytes.context("it ended, and something still holds its streams")
    };
    Ok(Output {
        status: status.context("wait")?,
        stdout: read(stdout)?,
        stderr: read(stderr)?,
    })
}

/// Reads a stream to its end, or a child with much output would block for ever.
fn drain(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    in_thread(|| {
        let mut bytes = Vec::new();
        let _ = stream.map(|mut stream| stream.read_to_end(&mut bytes));
        bytes
    })
}

fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(work()));
    receiver
}

/// A directory under /var/tmp that every account can enter, as that of a lesson must.
pub(crate) fn open_directory() -> Result<TempDir> {
    let directory = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).context("chmod")?;
    Ok(directory)
}

/// A tracer that is about to start and will leave its recording in a folder of its own.
pub(crate) struct Start {
    /// What a test adds options to.
    pub(crate) command: Command,
    folder: TempDir,
}

impl Start {
    /// `mmap-trace SUBCOMMAND`.
    pub(crate) fn of(subcommand: &str) -> Result<Self> {
        let folder = tempfile::tempdir_in("/var/tmp").context("tempdir")?;
        Ok(Self::keeping(folder, command([subcommand])?))
    }

    /// A command that needs `folder` to its end.
    pub(crate) fn keeping(folder: TempDir, mut command: Command) -> Self {
        command.arg("--output").arg(recording_in(&folder));
        without_random_addresses(&mut command);
        Start { command, folder }
    }

    /// The same with another command, which starts the tracer.
    pub(crate) fn with(self, command: Command) -> Self {
        Start { command, ..self }
    }

    pub(crate) fn spawn(mut self) -> Result<Running> {
        Ok(Running {
            child: self.command.spawn().context("start the tracer")?,
            folder: self.folder,
        })
    }

    pub(crate) fn finish(self) -> Result<Ran> {
        self.spawn()?.finish()
    }
}

/// A tracer at work.
pub(crate) struct Running {
    pub(crate) child: Child,
    folder: TempDir,
}

impl Running {
    pub(crate) fn finish(self) -> Result<Ran> {
        finish(self.child, &recording_in(&self.folder))
    }
}

fn recording_in(folder: &TempDir) -> PathBuf {
    folder.path().join("recording.json")
}

/// How often a run is made at most because of programs that the kernel skipped.
const ATTEMPTS: usize = 5;

/// Makes a run again if its recording declares that the kernel skipped programs of the tracer.
///
/// Where programs can be preempted (Linux 7), a busy machine sometimes makes the kernel skip a program and
/// its backup at the same event. The tracer declares that. `run` repeats a lesson, but `exec` does not
/// repeat a command, because only its user knows whether it may run twice. Here the tests are that user:
/// they repeat a run with a declared loss and print that they do, and never accept a wrong number.
pub(crate) fn repeat_if_skipped(mut run: impl FnMut() -> Result<Ran>) -> Result<Ran> {
    let mut ran = run()?;
    for attempt in 2..=ATTEMPTS {
        let skipped = ran.recording.as_ref().map_or(0, Recording::skipped);
        if skipped == 0 {
            break;
        }
        harness::tell(&format!(
            "note: the kernel skipped {skipped} runs of the tracer's programs, as the recording says: \
             repeating the run (attempt {attempt} of {ATTEMPTS})"
        ));
        ran = run()?;
    }
    Ok(ran)
}

/// `mmap-trace exec` of a command.
pub(crate) fn exec(options: &[&str], traced: &[String]) -> Result<Ran> {
    repeat_if_skipped(|| {
        let mut start = Start::of("exec")?;
        start.command.args(options).arg("--").args(traced);
        start.finish()
    })
}

/// `mmap-trace run` of a lesson.
pub(crate) fn run(lesson: &OsStr, options: &[&str]) -> Result<Ran> {
    repeat_if_skipped(|| {
        let mut start = Start::of("run")?;
        start.command.arg(lesson).args(options);
        start.finish()
    })
}

/// A recording as JSON, read by the names that its format documents.
#[derive(Clone, Debug)]
pub(crate) struct Recording(pub(crate) Value);

impl Recording {
    pub(crate) fn scenarios(&self) -> Vec<&str> {
        self.0["scenarios"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|scenario| scenario["name"].as_str())
            .collect()
    }

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

    pub(crate) fn observed(&self, scenario: &str, name: &str) -> Result<i64> {
        self.scenario(scenario)?["observed"][name]["value"]
            .as_i64()
            .with_context(|| format!("{scenario} observed no {name}"))
    }

    /// The faults of a scenario according to getrusage.
    pub(crate) fn rusage_faults(&self, scenario: &str) -> Result<u64> {
        let minor = self.observed(scenario, "rusage_minor_faults")?;
        let major = self.observed(scenario, "rusage_major_faults")?;
        Ok((minor + major).unsigned_abs())
    }

    /// How often the kernel skipped a program of the tracer and its backup.
    pub(crate) fn skipped(&self) -> u64 {
        let skipped = &self.0["losses"]["recursion_misses"];
        skipped.as_u64().unwrap_or_default()
    }

    /// The losses of a scenario, summed over all metrics.
    pub(crate) fn losses(&self, scenario: &str) -> Result<u64> {
        self.losses_of(scenario, |_| true)
    }

    /// The losses of a scenario, summed over some of the metrics.
    pub(crate) fn losses_of(&self, scenario: &str, wanted: impl Fn(&str) -> bool) -> Result<u64> {
        let counts = self.scenario(scenario)?["counts"]
            .as_object()
            .context("no counts")?;
        Ok(counts
            .iter()
            .filter(|(metric, _)| wanted(metric))
            .filter_map(|(_, count)| count["lost"].as_u64())
            .sum())
    }
}
