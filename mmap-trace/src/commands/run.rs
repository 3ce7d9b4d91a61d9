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
    EXIT_ENVIRONMENT, Failure,
    output::{self, Output},
    play::Lesson,
};
use crate::{
    aggregate, catalog,
    checks::{judge, lesson_file::LessonFile},
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
    },
    unprivileged,
};

pub(super) fn run(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode, Failure> {
    execute(args, color, inherited).map_err(|error| {
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

fn execute(args: &RunArgs, color: When, inherited: &[RawFd]) -> Result<ExitCode> {
    let instrument = if args.rung.unprivileged {
        Instrument::Unprivileged
    } else {
        privileges::require_root()?;
        Instrument::Ebpf
    };
    let lesson = catalog::find(&args.lesson)?;
    let file = LessonFile::parse(&lesson.toml)
        .with_context(|| format!("lesson.toml of {}", args.lesson))?;
    check_only(&file, args.only.as_deref())?;
    let forced = crate::attach::choose::parse_forced(&args.common.force_way)?;
    let binary = binary(&lesson.directories, &file.lesson.id)?;
    let output = args
        .common
        .output
        .as_deref()
        .map(Output::open)
        .transpose()?;
    child::close_inherited(inherited);
    signals::hold()?;
    let identity = Identity::for_lesson()?;
    let played = Lesson {
        args,
        file: &file,
        binary,
        identity: &identity,
        instrument,
        forced,
    }
    .play()?;
    let traced = &played.traced;
    let mut scenarios = aggregate::scenarios(&traced.marks, &traced.rows, &traced.counting());
    if instrument == Instrument::Unprivileged {
        unprivileged::complete(&traced.marks, &mut scenarios);
    }
    let started = played.started_at;
    let mut recording = recording(traced, scenarios, started, &played.disk, &identity);
    recording.lesson = Some(file.lesson.id.clone());
    recording.size_bytes = Some(played.size_bytes);
    recording.machine.fault_around_bytes = played.fault_around_bytes;
    recording.machine.instrument = instrument;
    recording.claims = judge::judge(&file, &recording);
    finish(args, color, output, &recording, &file)
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
