//! `run all`: runs every lesson, then says which claims of the mmap notes hold here.

use std::{
    io,
    os::fd::RawFd,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;

use super::{
    EXIT_ENVIRONMENT,
    lesson::{self, PlayableLesson, Recorded},
    notice::say,
    output,
};
use crate::{
    cli::{Format, RunArgs, When},
    count::session::{child, privileges::CannotCount, signals, wait::End},
    course::{
        catalog,
        judge::claims,
        notes::{self, Ledger},
    },
    record::{ClaimRecord, Recordings},
    render,
};

/// Stands for all lessons in place of a lesson's name.
pub(super) const NAME: &str = "all";

/// The results of the lessons so far.
#[derive(Default)]
struct CourseRun {
    done: Recordings,
    /// The number of lessons that did not run, or did not finish.
    broken: usize,
}

pub(super) fn run(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode> {
    if args.only.is_some() {
        bail!("--only selects a scenario of one lesson: name that lesson instead of all");
    }
    if args.predict.predict.is_some() {
        bail!("--predict answers the questions of one lesson: name that lesson instead of all");
    }
    // From here on, Ctrl-C ends the course, and what was run is still shown.
    signals::hold()?;
    let instrument = lesson::instrument(args)?;
    let files = catalog::all()?;
    let lessons: Vec<PlayableLesson> = files
        .iter()
        .map(|file| PlayableLesson::find(&file.lesson.id))
        .collect::<Result<_>>()?;
    let output = lesson::output(args)?;
    let page = lesson::page_file(&args.common)?;
    child::close_inherited(inherited);
    let mut course = CourseRun::default();
    for (number, lesson) in lessons.iter().enumerate() {
        if let Some(signal) = signals::held()? {
            course.interrupt(&lessons[number..], signal.as_str());
            break;
        }
        let begin = Instant::now();
        let result = lesson::record(args, lesson, &[], instrument);
        // Without privileges, no other lesson can run either.
        if let Err(error) = &result
            && error.is::<CannotCount>()
            && number == 0
        {
            return result.map(|_| ExitCode::SUCCESS);
        }
        course.add(lesson, result, begin.elapsed())?;
    }
    if let Some(output) = output {
        output.write(&course.done)?;
    }
    let ledger = notes::ledger(&files, &course.done.recordings).map_err(anyhow::Error::msg)?;
    if let Some(page) = page {
        page.write_text(&render::page::ledger(&ledger).context("cannot draw the page")?)?;
    }
    show(args, color, &ledger, &course.done)?;
    Ok(course.exit_code())
}

impl CourseRun {
    /// Prints a lesson's result in one line, and keeps it.
    fn add(
        &mut self,
        lesson: &PlayableLesson,
        result: Result<Recorded>,
        took: Duration,
    ) -> Result<()> {
        let id = &lesson.file.lesson.id;
        let recorded = match result {
            Ok(recorded) => recorded,
            Err(error) => {
                say(format_args!("{id:<10} error: {error:#}"));
                self.broken += 1;
                return Ok(());
            }
        };
        let sums = render::claims::summary(&recorded.recording.claims);
        say(format_args!(
            "{id:<10} {sums}  ({:.1} s)",
            took.as_secs_f64()
        ));
        if let Some(problem) = &recorded.recording.incomplete {
            say(format_args!("{id:<10} error: it did not finish: {problem}"));
            self.broken += 1;
        }
        self.done.recordings.push(recorded.recording);
        match recorded.end {
            // The signal was taken: hold it again, for the loop over the lessons.
            End::Interrupted(number) => {
                signals::keep(Signal::try_from(number).context("unknown signal")?)
            }
            _ => Ok(()),
        }
    }

    fn interrupt(&mut self, lessons: &[PlayableLesson], signal: &str) {
        let left = lessons.len();
        say(format_args!(
            "interrupted: {left} lessons were not run ({signal})"
        ));
        self.broken += left;
    }

    fn exit_code(&self) -> ExitCode {
        if self.broken > 0 {
            return ExitCode::from(EXIT_ENVIRONMENT);
        }
        let recordings = self.done.recordings.iter();
        let claims: Vec<ClaimRecord> = recordings.flat_map(|it| it.claims.clone()).collect();
        ExitCode::from(claims::exit_code(&claims))
    }
}

fn show(args: &RunArgs, color: When, ledger: &Ledger, done: &Recordings) -> Result<()> {
    let text = match args.common.format {
        Format::Json => render::json::render(done)?,
        Format::Csv => render::csv::recordings(&done.recordings)?,
        Format::Table => {
            let style = output::style(color, &io::stdout());
            let detail = output::detail(args.details);
            let open = render::claims::open(&done.recordings, style);
            format!("{open}{}", render::notes::render(ledger, style, detail))
        }
    };
    output::print(&text)
}
