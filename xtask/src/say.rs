//! Messages while something takes time. They go to stderr, because stdout is for results.

use std::{
    fmt::Display,
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// The time of a shorter step is not printed.
const WORTH_A_TIME: Duration = Duration::from_secs(1);

/// Prints one line about what happens or what was decided.
pub(crate) fn note(text: impl Display) {
    eprintln!("xtask: {text}");
}

/// Does `work` behind one line that names it; the line ends with the time if that was over a second.
pub(crate) fn step<T>(text: impl Display, work: impl FnOnce() -> T) -> T {
    eprint!("  {text}");
    // A closed terminal is no reason to stop.
    let _ = io::stderr().flush();
    let start = Instant::now();
    let result = work();
    let taken = start.elapsed();
    if taken >= WORTH_A_TIME {
        eprintln!(" — {:.1} s", taken.as_secs_f64());
    } else {
        eprintln!();
    }
    result
}
