//! Predictions before a run, from a terminal and from a file, and their results at its end.

use std::{
    fs::{self, File},
    io::{Read as _, Write as _},
    os::{fd::OwnedFd, unix::process::CommandExt as _},
    path::Path,
    process::{Child, ExitStatus, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use nix::pty::openpty;
use serde_json::Value;

use crate::{
    harness::{Outcome, Test},
    kernel::Machine,
    tracer,
};

pub(super) const TESTS: &[Test] = &[
    (
        "a terminal is asked before the run and shown the results at its end",
        on_a_terminal,
    ),
    (
        "predictions from a file are kept in the recording and change no exit code",
        from_a_file,
    ),
    (
        "an invalid file of predictions is refused before the run",
        wrong_files,
    ),
    (
        "Ctrl-C at a question leaves nothing behind",
        interrupted_while_asking,
    ),
    ("nobody is asked where there is no terminal", no_terminal),
];

/// A lesson with few scenarios, none of which waits.
const LESSON: &str = "lesson-8";
/// Its first question and the letter of the right answer.
const FIRST: (&str, &str) = ("read-finds-the-store", "a");

/// The prompt of each question.
const PROMPT: &str = "your answer";

/// A tracer on a pseudo-terminal of the test.
struct Seated {
    child: Child,
    terminal: File,
}

impl Seated {
    /// The terminal becomes its controlling terminal, so that Ctrl-C sends a signal.
    fn start(arguments: &[&str], directory: &Path, recording: &Path) -> Result<Seated> {
        let pair = openpty(None, None).context("openpty")?;
        let slave = |end: &OwnedFd| Ok::<_, std::io::Error>(Stdio::from(end.try_clone()?));
        let mut command = tracer::command(arguments)?;
        command
            .arg("--work-dir")
            .arg(directory)
            .arg("--output")
            .arg(recording)
            .stdin(slave(&pair.slave)?)
            .stdout(slave(&pair.slave)?)
            .stderr(slave(&pair.slave)?);
        // SAFETY: setsid(2) and ioctl(2) are async-signal-safe and touch no memory of ours.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Ok(Seated {
            child: command.spawn().context("start the tracer")?,
            terminal: File::from(pair.master),
        })
    }

    /// Types each text after one more prompt and returns everything shown until the tracer ended.
    fn type_and_wait(mut self, typed: &[&str]) -> Result<(ExitStatus, String)> {
        let mut reader = self.terminal.try_clone().context("dup")?;
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        let watch = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // EIO follows when the last process has closed the other end.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                lock(&shown).push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        for (number, text) in typed.iter().enumerate() {
            let deadline = Instant::now() + Duration::from_mins(1);
            while lock(&screen).matches(PROMPT).count() <= number {
                ensure!(Instant::now() < deadline, "no question: {}", lock(&screen));
                thread::sleep(Duration::from_millis(5));
            }
            self.terminal.write_all(text.as_bytes()).context("type")?;
        }
        let output = tracer::wait(self.child, Duration::from_mins(5))?;
        watch
            .join()
            .map_err(|_| anyhow!("the reader of the terminal panicked"))?;
        let screen = lock(&screen).clone();
        Ok((output.status, screen))
    }
}

fn lock(screen: &Mutex<String>) -> MutexGuard<'_, String> {
    screen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn recorded(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).context("read the recording")?;
    let recording: Value = serde_json::from_str(&text).context("JSON")?;
    let predictions = recording["predictions"].as_array();
    Ok(predictions.cloned().unwrap_or_default())
}

fn on_a_terminal() -> Result<Outcome> {
    let directory = tracer::open_directory()?;
    let file = directory.path().join("recording.json");
    let arguments = ["run", LESSON, "--size", "1MiB"];
    let seated = Seated::start(&arguments, directory.path(), &file)?;
    // A right answer; an invalid one and then a wrong one; an empty one, which skips; and the end.
    let (status, screen) = seated.type_and_wait(&["a\n", "z\n", "a\n", "\n", "\x04"])?;
    ensure!(status.success(), "{status}\n{screen}");
    for wanted in [
        "Predict before it runs",
        "press Enter to skip, or give the letter of one option",
        "What you predicted",
        "+ right",
        "x not so",
    ] {
        ensure!(screen.contains(wanted), "no {wanted:?} in:\n{screen}");
    }
    let predictions = recorded(&file)?;
    let results: Vec<&str> = predictions
        .iter()
        .filter_map(|it| it["result"].as_str())
        .collect();
    ensure!(results == ["right", "wrong"], "{predictions:?}\n{screen}");
    Ok(Outcome::Passed)
}

fn from_a_file() -> Result<Outcome> {
    let directory = tracer::open_directory()?;
    let (answers, file) = (
        directory.path().join("answers.json"),
        directory.path().join("recording.json"),
    );
    let (id, right) = FIRST;
    let mut codes = Vec::new();
    for (letter, result) in [(right, "right"), ("b", "wrong")] {
        fs::write(&answers, format!("{{\"{id}\": \"{letter}\"}}")).context("write")?;
        let mut tracer = tracer::command(["run", LESSON, "--size", "1MiB", "--predict"])?;
        tracer.arg(&answers).arg("--output").arg(&file);
        let ran = tracer::finish(tracer.spawn().context("start")?, &file)?;
        codes.push(ran.output.status.code());
        let predictions = recorded(&file)?;
        let [prediction] = &predictions[..] else {
            bail!("{predictions:?}\n{}", ran.error());
        };
        ensure!(prediction["result"] == result, "{prediction}");
        let (at, recording) = (&prediction["predicted_at"], ran.expect()?);
        // RFC 3339 in UTC sorts as text.
        let started = recording.0["started_at"].as_str();
        ensure!(at.as_str() <= started && at.is_string(), "{at} {started:?}");
    }
    ensure!(codes == [Some(0); 2], "{codes:?}");

    let report = tracer::command(["report"])?.arg(&file).output()?;
    let report = String::from_utf8_lossy(&report.stdout).into_owned();
    ensure!(report.contains("x not so"), "{report}");
    Ok(Outcome::Passed)
}

fn wrong_files() -> Result<Outcome> {
    let directory = tracer::open_directory()?;
    let answers = directory.path().join("answers.toml");
    for (text, wanted) in [
        ("nothing-known = 1", FIRST.0),
        (
            "read-finds-the-store = \"x\"",
            "the letter of one option, or the beginning of its text: a) ",
        ),
        ("read-finds-the-store", "TOML"),
    ] {
        fs::write(&answers, text).context("write")?;
        let mut tracer = tracer::command(["run", LESSON, "--predict"])?;
        let output = tracer.arg(&answers).output().context("start")?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.code() == Some(2), "{}", output.status);
        ensure!(
            error.contains("answers.toml") && error.contains(wanted),
            "{text}: {error}"
        );
        ensure!(output.stdout.is_empty(), "it was run");
    }
    Ok(Outcome::Passed)
}

fn interrupted_while_asking() -> Result<Outcome> {
    let before = Machine::now()?;
    let directory = tracer::open_directory()?;
    let file = directory.path().join("recording.json");
    let seated = Seated::start(&["run", LESSON], directory.path(), &file)?;
    let (status, screen) = seated.type_and_wait(&["a\n", "\x03"])?;
    ensure!(!status.success(), "{status}\n{screen}");
    ensure!(!screen.contains("What you predicted"), "{screen}");
    before.must_be_as_before()?;
    let left: Vec<_> = fs::read_dir(directory.path())?.collect();
    ensure!(left.is_empty(), "left behind: {left:?}\n{screen}");
    Ok(Outcome::Passed)
}

fn no_terminal() -> Result<Outcome> {
    let ran = tracer::run(LESSON.as_ref(), &["--size", "1MiB"])?;
    let error = ran.error();
    let predictions = &ran.expect()?.0["predictions"];
    ensure!(!error.contains("Predict before it runs"), "{error}");
    ensure!(
        predictions.as_array().is_none_or(Vec::is_empty),
        "{predictions}"
    );
    Ok(Outcome::Passed)
}
