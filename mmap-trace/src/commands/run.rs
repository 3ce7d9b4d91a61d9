//! `mmap-trace run`: a lesson, from its name to the verdicts.

use std::{
    ffi::CString,
    fs::File,
    io,
    os::fd::{OwnedFd, RawFd},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, Result, bail};
use mmap_trace_ebpf::{offsets::Injected, session::SESSION_FD_ENV};
use nix::unistd::geteuid;

use super::{
    EXIT_ENVIRONMENT, Failure,
    output::{self, Output},
};
use crate::{
    aggregate, catalog,
    checks::{judge, lesson_file::LessonFile},
    cli::{Format, RunArgs, When},
    commands::report::recording,
    kernel::disk::Disk,
    record::{Instrument, Recording},
    render,
    session::{
        child::{self, Image, PAGE_DESCRIPTOR, Plan, Stdout},
        identity::Identity,
        ladder::{self, Fallen},
        privileges::{self, CannotCount},
        signals,
        trace::{self, Job, c_string, open_directory},
        work_dir::{self, WorkDir},
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
    let parent = args
        .common
        .work_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(work_dir::DEFAULT_PARENT));
    for dead in work_dir::sweep(&parent) {
        eprintln!(
            "removed {}, left behind by a run that was killed",
            dead.display()
        );
    }
    let work = WorkDir::create(&parent, &identity)?;
    let size_bytes = match args.size {
        Some(bytes) => bytes,
        None => file.size_bytes()?,
    };
    work.require_space(size_bytes)?;
    warn_about(&file, &work.disk);
    let fault_around = crate::kernel::fault_around::measure(work.path(), trace::page_bytes()).ok();
    let job = Job {
        plan: plan(args, binary, &work, identity.clone(), size_bytes)?,
        shown: file.lesson.id.clone(),
        disk: work.disk.clone(),
        directory: open_directory(work.path())?,
        forced,
        injected: args.common.inject.map_or(Injected::Nothing, Injected::from),
        log: super::report::kernel_log(args.common.kernel_log),
        limit: Some(args.timeout),
        settle: args.common.settle,
    };
    let started = crate::session::clock::now();
    let traced = match instrument {
        Instrument::Ebpf => trace::trace(&job)?,
        Instrument::Unprivileged => unprivileged::run(&job)?,
    };
    let mut scenarios = aggregate::scenarios(&traced.marks, &traced.rows, &traced.counting());
    if instrument == Instrument::Unprivileged {
        unprivileged::complete(&traced.marks, &mut scenarios);
    }
    let mut recording = recording(&traced, scenarios, started, &work.disk, &identity);
    recording.lesson = Some(file.lesson.id.clone());
    recording.size_bytes = Some(size_bytes);
    recording.machine.fault_around_bytes = fault_around;
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

fn warn_about(file: &LessonFile, disk: &Disk) {
    let wanted = &file.lesson.file_systems;
    if !wanted.is_empty() && !wanted.contains(&disk.file_system) {
        eprintln!(
            "note: the work directory lies on {}, and all checks of this lesson can be decided on {} \
             only; choose another disk with --work-dir DIR",
            disk.file_system,
            wanted.join(" or ")
        );
    }
    if disk.is_in_memory() {
        eprintln!("note: {} never writes to a disk", disk.file_system);
    }
}

fn plan(
    args: &RunArgs,
    binary: OwnedFd,
    work: &WorkDir,
    identity: Identity,
    size_bytes: u64,
) -> Result<Plan> {
    let mut arguments = vec![
        "lesson".to_owned(),
        "--directory".to_owned(),
        ".".to_owned(),
        "--size".to_owned(),
        size_bytes.to_string(),
    ];
    if let Some(only) = &args.only {
        arguments.extend(["--only".to_owned(), only.clone()]);
    }
    for (is_given, option) in [(args.empty, "--empty"), (args.no_wait, "--no-wait")] {
        if is_given {
            arguments.push(option.to_owned());
        }
    }
    Ok(Plan {
        image: Image::Lesson(binary),
        arguments: arguments.into_iter().map(c_string).collect::<Result<_>>()?,
        environment: environment(work.path())?,
        directory: Some(open_directory(work.path())?),
        identity: geteuid().is_root().then_some(identity),
        // Standard output belongs to our result.
        stdout: Stdout::ToStderr,
    })
}

/// A lesson's environment is the same on every machine.
fn environment(work: &Path) -> Result<Vec<CString>> {
    [
        format!("{SESSION_FD_ENV}={PAGE_DESCRIPTOR}"),
        "PATH=/usr/local/bin:/usr/bin:/bin".to_owned(),
        "LANG=C.UTF-8".to_owned(),
        format!("HOME={}", work.display()),
    ]
    .into_iter()
    .map(c_string)
    .collect()
}
