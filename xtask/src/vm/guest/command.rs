//! Runs the job's command and sends its output.

use std::{
    fs::{self, File},
    io::{self, Read},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use mailbox::{Job, Kind, Outbox, read_job};
use nix::{
    errno::Errno,
    sys::{
        signal::{Signal, kill},
        wait::{WaitStatus, waitpid},
    },
    unistd::Pid,
};

const ENVIRONMENT: &[(&str, &str)] = &[
    ("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"),
    ("HOME", "/root"),
    ("LANG", "C.UTF-8"),
    ("TERM", "dumb"),
];

/// A process that outlives the command may keep its streams open; this is the longest wait for them.
const PATIENCE: Duration = Duration::from_secs(2);

/// The mailbox, shared by two streams and the main thread.
pub(crate) type Shared = Arc<Mutex<Outbox>>;

/// Runs the job of `disk` to its end, then sends the file that it asks for, and the exit code.
pub(crate) fn run(disk: &File, outbox: &Shared) -> Result<()> {
    let job = read_job(disk).context("read(job)")?;
    let mut child = start(&job)?;
    let streams = [
        child
            .stdout
            .take()
            .map(|it| forward(it, Kind::Stdout, outbox)),
        child
            .stderr
            .take()
            .map(|it| forward(it, Kind::Stderr, outbox)),
    ];
    let pid = Pid::from_raw(child.id().cast_signed());
    let limit = Duration::from_secs(job.limit_seconds);
    thread::spawn(move || {
        thread::sleep(limit);
        // If it has ended, nobody else gets its number: PID 1 ends right after it.
        let _ = kill(pid, Signal::SIGKILL);
    });
    let code = wait(pid)?;
    let begin = Instant::now();
    for stream in streams.into_iter().flatten() {
        while !stream.is_finished() && begin.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(1));
        }
    }
    if let Some(path) = &job.collect {
        send_file(outbox, path)?;
    }
    send(outbox, Kind::Exit, code.to_string().as_bytes()).context("send(exit code)")
}

fn start(job: &Job) -> Result<Child> {
    let (program, arguments) = job
        .command
        .split_first()
        .context("the job has no command")?;
    let mut command = Command::new(program);
    command.args(arguments).env_clear().current_dir("/root");
    command.envs(ENVIRONMENT.iter().copied());
    command.envs(job.environment.iter().map(|(key, value)| (key, value)));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().with_context(|| format!("spawn({program})"))
}

/// Sends what arrives on a stream until its last writer closes it.
fn forward(mut stream: impl Read + Send + 'static, kind: Kind, outbox: &Shared) -> JoinHandle<()> {
    let outbox = Arc::clone(outbox);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let sent = match stream.read(&mut buffer) {
                Ok(0) => return,
                Ok(length) => send(&outbox, kind, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                crate::say(&format!("guest: {kind:?}: {error}"));
                return;
            }
        }
    })
}

pub(crate) fn send(outbox: &Shared, kind: Kind, bytes: &[u8]) -> io::Result<()> {
    // A thread that panicked while sending left a frame without a header, which is overwritten.
    let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
    outbox.send(kind, bytes)
}

/// Waits for the command, and reaps the orphans that PID 1 gets meanwhile.
fn wait(command: Pid) -> Result<i32> {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == command => return Ok(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == command => {
                return Ok(128 + signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error).context("waitpid"),
        }
    }
}

fn send_file(outbox: &Shared, path: &str) -> Result<()> {
    match fs::read(path) {
        Ok(bytes) => send(outbox, Kind::File, &bytes).context("send(file)"),
        // The command did not write it, and its exit code tells the host why.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("read({path})")),
    }
}
