//! Says at least every ten seconds which stages run, how far they are, and how long they usually take.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{cache::Cache, say};

const INTERVAL: Duration = Duration::from_secs(10);

/// How long each stage took when it last passed on this machine.
const FILE: &str = "test-durations.toml";

/// From a fresh clone, on 2 CPUs, in seconds: the estimate for the first run on a machine.
const FIRST_RUN: &[(&str, u64)] = &[
    ("build", 200),
    ("format", 5),
    ("lints", 100),
    ("documentation", 30),
    ("lessons", 5),
    ("live tests in VMs", 500),
    ("tests", 180),
];

/// Prints progress until it is dropped.
#[derive(Debug)]
pub(super) struct Progress {
    running: Arc<Mutex<Vec<Running>>>,
    usual: BTreeMap<String, u64>,
    taken: Mutex<BTreeMap<String, u64>>,
    file: Option<PathBuf>,
    // Dropping the sender ends the thread.
    ticker: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

/// A stage that runs; dropping it ends the stage.
#[derive(Debug)]
pub(super) struct Stage<'a> {
    progress: &'a Progress,
    name: &'static str,
    begin: Instant,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    begin: Instant,
    usual: Option<u64>,
    detail: String,
}

impl Progress {
    pub(super) fn start() -> Self {
        let running: Arc<Mutex<Vec<Running>>> = Arc::default();
        let file = Cache::of_this_account().ok().map(|it| it.root().join(FILE));
        let text = file.as_ref().and_then(|file| fs::read_to_string(file).ok());
        let usual = text.and_then(|text| toml::from_str(&text).ok());
        let (sender, ended) = mpsc::channel::<()>();
        let seen = Arc::clone(&running);
        let thread = thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                let stages: Vec<String> = lock(&seen).iter().map(Running::line).collect();
                if !stages.is_empty() {
                    say::note(stages.join("; "));
                }
            }
        });
        Self {
            running,
            usual: usual.unwrap_or_default(),
            taken: Mutex::default(),
            file,
            ticker: Some((sender, thread)),
        }
    }

    pub(super) fn begin(&self, name: &'static str) -> Stage<'_> {
        let begin = Instant::now();
        let first = FIRST_RUN.iter().find(|(stage, _)| *stage == name);
        let usual = self.usual.get(name).copied();
        let running = Running {
            name,
            begin,
            usual: usual.or(first.map(|(_, seconds)| *seconds)),
            detail: String::new(),
        };
        say::note(running.line());
        lock(&self.running).push(running);
        Stage {
            progress: self,
            name,
            begin,
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.ticker.take() {
            drop(sender);
            // A panic of the thread has cost only progress lines.
            let _ = thread.join();
        }
        let mut all = self.usual.clone();
        all.append(&mut lock(&self.taken));
        if let (Some(file), Ok(text)) = (&self.file, toml::to_string(&all)) {
            // Without the file the next run shows the estimates for a first run.
            let _ = fs::write(file, text);
        }
    }
}

impl Stage<'_> {
    pub(super) fn detail(&self, detail: impl Into<String>) {
        let mut running = lock(&self.progress.running);
        if let Some(stage) = running.iter_mut().find(|stage| stage.name == self.name) {
            stage.detail = detail.into();
        }
    }

    /// Remembers how long the stage took, for the next run.
    pub(super) fn passed(self) {
        let seconds = self.begin.elapsed().as_secs();
        lock(&self.progress.taken).insert(self.name.to_owned(), seconds);
    }
}

impl Drop for Stage<'_> {
    fn drop(&mut self) {
        lock(&self.progress.running).retain(|stage| stage.name != self.name);
        let taken = seconds(self.begin.elapsed().as_secs());
        say::note(format_args!("{} ended after {taken}", self.name));
    }
}

impl Running {
    /// `lints: 40 s of usually 1 min 30 s, 12 crates so far`.
    fn line(&self) -> String {
        let Self {
            name,
            usual,
            detail,
            begin,
        } = self;
        let taken = seconds(begin.elapsed().as_secs());
        let usual = usual.map_or_else(String::new, |usual| {
            format!(" of usually {}", seconds(usual))
        });
        let comma = if detail.is_empty() { "" } else { ", " };
        format!("{name}: {taken}{usual}{comma}{detail}")
    }
}

fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// A thread that panicked while it held the lock has left a list that is only shown.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_stage_time_usual_time_and_how_far_it_is() {
        let mut running = Running {
            name: "lints",
            begin: Instant::now(),
            usual: Some(90),
            detail: String::new(),
        };
        assert_eq!(running.line(), "lints: 0 s of usually 1 min 30 s");
        running.detail = "12 crates so far".to_owned();
        running.usual = None;
        assert_eq!(running.line(), "lints: 0 s, 12 crates so far");
    }
}
