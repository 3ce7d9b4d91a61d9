//! What a person sees while something takes time. All of it on stderr: stdout is for results.

use std::{
    fmt::Display,
    io::{self, Write as _},
    time::{Duration, Instant},
};

/// Shorter than this nobody waits for, and the time is not printed.
const WORTH_A_TIME: Duration = Duration::from_secs(1);

/// One line about what happens, or about what was decided.
pub(crate) fn note(text: impl Display) {
    eprintln!("xtask: {text}");
}

/// Does `work` behind one line that names it; the time is added when it took over a second.
pub(crate) fn step<T>(text: impl Display, work: impl FnOnce() -> T) -> T {
    eprint!("  {text}");
    // A line that cannot be shown is no reason to stop.
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
