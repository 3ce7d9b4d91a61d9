//! `mmap-trace run`: a lesson, from its name to the verdicts.

use std::{
    fs::File,
    io,
    os::fd::{OwnedFd, RawFd},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};

use super::{
    EXIT_ENVIRONMENT, Failure, all,
    output::{self, Output},
    play::Player,
    predict,
};
use crate::{
    aggregate, catalog,
    checks::{confront::confront, judge, lesson_file::LessonFile},
    cli::{Format, RunArgs, When},
    commands::report::recording,
    record::{Instrument, Recording},
    render,
    session::{
        child,
        identity::Identity,
        ladder::{self, Fallen},
        privileges::{self, CannotCount},
        signals,
        wait::End,
    },
    unprivileged,
};

pub(super) fn run(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode, Failure> {
    let result = match &*args.lesson {
        all::NAME => all::run(args, color, inherited),
        _ => one(args, color, inherited),
    };
    result.map_err(|error| {
        let fallen = match error.downcast_ref::<CannotCount>() {
            Some(CannotCount::NoRoot(_)) if args.rung.after_sudo => Some(Fallen::NoSudo),
            Some(CannotCount::NoRoot(_)) => Some(Fallen::NoRoot),
            Some(CannotCount::NoCapabilities(_) | CannotCount::Refused) => Some(Fallen::Refused),
            None => None,
        };
        let help = fallen.map(|fallen| ladder::below(fallen, &args.lesson));
        Failure::from(error).with_help(help)
    })
}

fn one(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode> {
    let instrument = instrument(args)?;
    let lesson = Lesson::find(&args.lesson)?;
    // Asked before anything exists that Ctrl-C would leave behind.
    let given = predict::before(args, &lesson.file)?;
    let output = output(args)?;
    child::close_inherited(inherited);
    let mut recording = record(args, &lesson, instrument)?.recording;
    recording.predictions = confront(&lesson.file.predictions, &given, &recording);
    finish(args, color, output, &recording, &lesson.file)
}

/// With which rights it counts; an error if there are none.
pub(super) fn instrument(args: &RunArgs) -> Result<Instrument> {
    if args.rung.unprivileged {
        return Ok(Instrument::Unprivileged);
    }
    privileges::require_root()?;
    Ok(Instrument::Ebpf)
}

/// Opened before anything runs.
pub(super) fn output(args: &RunArgs) -> Result<Option<Output>> {
    args.common.output.as_deref().map(Output::open).transpose()
}

/// A lesson's promises and its program.
pub(super) struct Lesson {
    pub file: LessonFile,
    binary: OwnedFd,
}

impl Lesson {
    /// By any of its names.
    pub(super) fn find(name: &str) -> Result<Lesson> {
        let lesson = catalog::find(name)?;
        let file =
            LessonFile::parse(&lesson.toml).with_context(|| format!("lesson.toml of {name}"))?;
        let binary = binary(&lesson.directories, &file.lesson.id)?;
        Ok(Lesson { file, binary })
    }
}

/// A run that was judged.
pub(super) struct Recorded {
    pub recording: Recording,
    pub end: End,
}

/// Plays a lesson and judges its claims. From here on, signals are held until somebody waits.
pub(super) fn record(args: &RunArgs, lesson: &Lesson, instrument: Instrument) -> Result<Recorded> {
    check_only(&lesson.file, args.only.as_deref())?;
    signals::hold()?;
    let identity = Identity::for_lesson()?;
    let played = Player {
        args,
        file: &lesson.file,
        binary: &lesson.binary,
        identity: &identity,
        instrument,
        forced: crate::attach::choose::parse_forced(&args.common.force_way)?,
    }
    .play()?;
    let traced = &played.traced;
    let mut scenarios = aggregate::scenarios(&traced.marks, &traced.rows, &traced.counting());
    if instrument == Instrument::Unprivileged {
        unprivileged::complete(&traced.marks, &mut scenarios);
    }
    let started = played.started_at;
    let mut recording = recording(traced, scenarios, started, &played.disk, &identity);
    recording.lesson = Some(lesson.file.lesson.id.clone());
    recording.size_bytes = Some(played.size_bytes);
    recording.machine.fault_around_bytes = played.fault_around_bytes;
    recording.machine.instrument = instrument;
    recording.claims = judge::judge(&lesson.file, &recording);
    Ok(Recorded {
        recording,
        end: traced.end,
    })
}

/// Prints, saves, and says by the exit code what came of it.
fn finish(
    args: &RunArgs,
    color: When,
    output: Option<Output>,
    recording: &Recording,
    file: &LessonFile,
) -> Result<ExitCode> {
    let text = match args.common.format {
        Format::Json => render::json::render(recording)?,
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
        eprintln!("error: {} did not finish: {problem}", file.lesson.id);
        return Ok(ExitCode::from(EXIT_ENVIRONMENT));
    }
    Ok(ExitCode::from(judge::exit_code(&recording.claims)))
}

fn check_only(file: &LessonFile, only: Option<&str>) -> Result<()> {
    let Some(only) = only else { return Ok(()) };
    let names: Vec<&str> = file
        .scenarios
        .iter()
        .map(|scenario| scenario.name.as_str())
        .collect();
    if only == "null" || names.contains(&only) {
        return Ok(());
    }
    let nearest = names
        .iter()
        .min_by_key(|name| strsim::damerau_levenshtein(name, only))
        .map_or(String::new(), |name| format!("; did you mean {name}?"));
    bail!(
        "{} has no scenario {only}{nearest} It has {}",
        file.lesson.id,
        names.join(", ")
    )
}

fn binary(directories: &[PathBuf], id: &str) -> Result<OwnedFd> {
    for directory in directories {
        let path = directory.join(id);
        if let Ok(binary) = File::open(&path) {
            return Ok(binary.into());
        }
    }
    let shown: Vec<_> = directories
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    bail!(
        "the binary {id} is not in {}; build it with: cargo build --release --package lessons",
        shown.join(" or ")
    )
}
