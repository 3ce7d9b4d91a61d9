//! Messages while something takes time. They go to stderr, because stdout is for results.

use std::{
    fmt::Display,
    io::{self, Write as _},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

/// The time of a shorter step is not printed.
const WORTH_A_TIME: Duration = Duration::from_secs(1);

/// How often a step says that it is still running.
const INTERVAL: Duration = Duration::from_secs(10);

pub(crate) fn note(text: impl Display) {
    eprintln!("xtask: {text}");
}

/// Does `work` behind one line that names it. The line grows every ten seconds, and ends with the time if
/// that was over a second.
pub(crate) fn step<T>(text: impl Display, work: impl FnOnce() -> T) -> T {
    eprint!("  {text}");
    // A closed terminal is no reason to stop.
    let _ = io::stderr().flush();
    let begin = Instant::now();
    let (running, ended) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(INTERVAL) {
                eprint!(" … {} s", begin.elapsed().as_secs());
            }
        });
        let result = work();
        drop(running);
        result
    });
    let taken = begin.elapsed();
    if taken >= WORTH_A_TIME {
        eprintln!(" — {:.1} s", taken.as_secs_f64());
    } else {
        eprintln!();
    }
    result
}
