//! Messages while something takes time. They go to stderr, because stdout is for results.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

/// The time of a shorter step is not printed.
const WORTH_A_TIME: Duration = Duration::from_secs(1);

/// Where the messages go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Medium {
    /// The line of a step is drawn again every second.
    Terminal,
    /// The line of a step grows every ten seconds.
    Stream,
}

/// A step that runs, behind one line that names it.
#[derive(Debug)]
pub(crate) struct Step {
    line: Mutex<Shown>,
    begin: Instant,
}

#[derive(Debug)]
struct Shown {
    text: String,
    /// How far the step is.
    detail: String,
    medium: Medium,
    /// Whether the cursor stands at its end.
    is_drawn: bool,
}

/// Prints a line; on a terminal, in place of that of a step, which is drawn again below it.
pub(crate) fn note(text: impl Display) {
    let clear = match Medium::of_stderr() {
        Medium::Terminal => "\r\x1b[K",
        Medium::Stream => "",
    };
    eprintln!("{clear}xtask: {text}");
}

/// Does `work` behind one line that names it, says how long it has been running, and ends with the time if
/// that was over a second.
pub(crate) fn step<T>(text: impl Display, work: impl FnOnce() -> T) -> T {
    step_with(text, |_| work())
}

/// The same for work that says how far it is, or that prints something meanwhile.
pub(crate) fn step_with<T>(text: impl Display, work: impl FnOnce(&Step) -> T) -> T {
    let medium = Medium::of_stderr();
    let step = Step {
        line: Mutex::new(Shown {
            text: text.to_string(),
            detail: String::new(),
            medium,
            is_drawn: false,
        }),
        begin: Instant::now(),
    };
    print(&step.line().draw(""));
    let (running, ended) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        let step = &step;
        scope.spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = ended.recv_timeout(medium.interval()) {
                print(&step.line().draw_running(step.begin.elapsed()));
            }
        });
        let result = work(step);
        drop(running);
        result
    });
    print(&step.line().draw_ended(step.begin.elapsed()));
    result
}

impl Step {
    /// Says how far the step is, the next time that its line is drawn.
    pub(crate) fn detail(&self, detail: impl Into<String>) {
        self.line().detail = detail.into();
    }

    /// Lets `work` print lines of its own. The line of the step is drawn again below them.
    pub(crate) fn make_room<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut line = self.line();
        print(line.remove());
        work()
    }

    /// A thread that panicked while it held the lock has left a line that is only shown.
    fn line(&self) -> MutexGuard<'_, Shown> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shown {
    fn draw_running(&mut self, taken: Duration) -> String {
        let comma = if self.detail.is_empty() { "" } else { ", " };
        self.draw(&format!(" … {}{comma}{} s", self.detail, taken.as_secs()))
    }

    fn draw_ended(&mut self, taken: Duration) -> String {
        let mut text = if taken >= WORTH_A_TIME {
            self.draw(&format!(" — {:.1} s", taken.as_secs_f64()))
        } else {
            self.draw("")
        };
        text.push('\n');
        text
    }

    fn draw(&mut self, status: &str) -> String {
        let text = &self.text;
        let is_drawn = std::mem::replace(&mut self.is_drawn, true);
        match self.medium {
            // Without wrapping (mode 7), so that a line that is too long can be drawn over.
            Medium::Terminal => format!("\r\x1b[?7l  {text}{status}\x1b[K\x1b[?7h"),
            Medium::Stream if is_drawn => status.to_owned(),
            Medium::Stream => format!("  {text}{status}"),
        }
    }

    /// What makes room for other lines.
    fn remove(&mut self) -> &'static str {
        match (std::mem::replace(&mut self.is_drawn, false), self.medium) {
            (false, _) => "",
            (true, Medium::Terminal) => "\r\x1b[K",
            (true, Medium::Stream) => "\n",
        }
    }
}

impl Medium {
    fn of_stderr() -> Self {
        let is_dumb = env::var_os("TERM").is_some_and(|value| value == "dumb");
        if io::stderr().is_terminal() && !is_dumb {
            Self::Terminal
        } else {
            Self::Stream
        }
    }

    const fn interval(self) -> Duration {
        match self {
            Self::Terminal => Duration::from_secs(1),
            Self::Stream => Duration::from_secs(10),
        }
    }
}

fn print(text: &str) {
    // A closed terminal is no reason to stop.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(medium: Medium) -> Shown {
        Shown {
            text: "build".to_owned(),
            detail: String::new(),
            medium,
            is_drawn: false,
        }
    }

    #[test]
    fn in_a_stream_the_line_grows_and_begins_again_below_other_lines() {
        let mut line = line(Medium::Stream);
        let mut text = line.draw("");
        text += &line.draw_running(Duration::from_secs(10));
        line.detail = "5 of 9: aya".to_owned();
        text += &line.draw_running(Duration::from_secs(20));
        text += line.remove();
        text += "other\n";
        text += line.remove();
        text += &line.draw_ended(Duration::from_millis(21_500));
        let expected = "  build … 10 s … 5 of 9: aya, 20 s\nother\n  build — 21.5 s\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn on_a_terminal_the_line_is_drawn_over() {
        let mut line = line(Medium::Terminal);
        line.draw("");
        line.detail = "5 of 9: aya".to_owned();
        assert_eq!(
            line.draw_running(Duration::from_secs(3)),
            "\r\x1b[?7l  build … 5 of 9: aya, 3 s\x1b[K\x1b[?7h"
        );
        assert_eq!(line.remove(), "\r\x1b[K");
        assert_eq!(
            line.draw_ended(Duration::from_millis(10)),
            "\r\x1b[?7l  build\x1b[K\x1b[?7h\n"
        );
    }
}
