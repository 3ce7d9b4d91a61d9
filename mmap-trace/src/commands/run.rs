//! `mmap-trace run`: runs a lesson and shows its counts and verdicts.

use std::{io, os::fd::RawFd, process::ExitCode};

use anyhow::Result;

use super::{
    EXIT_ENVIRONMENT, Failure, all,
    lesson::{self, PlayableLesson},
    notice::say,
    output::{self, Output},
    predict,
};
use crate::{
    cli::{Format, RunArgs, When},
    count::session::{
        child,
        fallback::{self, FallbackCause},
        privileges::CannotCount,
    },
    course::{judge::claims, lesson::file::LessonFile},
    record::Recording,
    render,
    weave::LessonText,
};

pub(super) fn run(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode, Failure> {
    let result = match &*args.lesson {
        all::NAME => all::run(args, color, inherited),
        _ => one(args, color, inherited),
    };
    result.map_err(|error| {
        let cause = match error.downcast_ref::<CannotCount>() {
            Some(CannotCount::NoRoot(_)) if args.privileges.after_sudo => {
                Some(FallbackCause::NoSudo)
            }
            Some(CannotCount::NoRoot(_)) => Some(FallbackCause::NoRoot),
            Some(CannotCount::NoCapabilities(_) | CannotCount::Refused) => {
                Some(FallbackCause::Refused)
            }
            None => None,
        };
        let help = cause.map(|cause| fallback::below(cause, &args.lesson));
        Failure::from(error).with_help(help)
    })
}

fn one(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode> {
    let instrument = lesson::instrument(args)?;
    let lesson = PlayableLesson::find(&args.lesson)?;
    // Ask before anything exists that Ctrl-C would leave behind.
    let given = predict::before(args, &lesson.file)?;
    let output = lesson::output(args)?;
    let page = lesson::page_file(&args.common)?;
    child::close_inherited(inherited);
    let recording = lesson::record(args, &lesson, &given, instrument)?.recording;
    if let Some(page) = page {
        let text = LessonText {
            file: &lesson.file,
            markdown: &lesson.markdown,
        };
        page.write_text(&output::page(Some(text), &recording)?)?;
    }
    finish(args, color, output, &recording, &lesson.file)
}

/// Prints and saves the result, and returns its exit code.
fn finish(
    args: &RunArgs,
    color: When,
    output: Option<Output>,
    recording: &Recording,
    file: &LessonFile,
) -> Result<ExitCode> {
    let text = match args.common.format {
        Format::Json => render::json::render(recording)?,
        Format::Csv => render::csv::recordings(std::slice::from_ref(recording))?,
        Format::Table => {
            let style = output::style(color, &io::stdout());
            render::table::render(recording, Some(file), style, output::detail(args.details))
        }
    };
    output::print(&text)?;
    if let Some(output) = output {
        output.write(recording)?;
    }
    if let Some(problem) = &recording.incomplete {
        say(format_args!(
            "error: {} did not finish: {problem}",
            file.lesson.id
        ));
        return Ok(ExitCode::from(EXIT_ENVIRONMENT));
    }
    Ok(ExitCode::from(claims::exit_code(&recording.claims)))
}
