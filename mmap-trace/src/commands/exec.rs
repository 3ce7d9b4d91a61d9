//! `mmap-trace exec`: counts a program and its children as one scenario; otherwise a wrapper like env(1).

use std::{
    env,
    ffi::{CString, OsStr},
    io::{self, Write as _},
    os::unix::{ffi::OsStrExt as _, process::ExitStatusExt as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, Result};
use mmap_trace_ebpf::offsets::Injected;
use nix::{errno::Errno, unistd::geteuid};

use super::{
    Failure, lesson,
    notice::say,
    output::{self, Output},
};
use crate::{
    cli::{ExecArgs, Format, When},
    count::{
        assemble::{self, RunDescription, Traceable},
        attach::{choose::parse_forced, load::KernelLog},
        kernel::disk::Disk,
        session::{
            child::{Image, Launch, Stdout},
            clock,
            fence::Fence,
            identity::Identity,
            orders::CannotRun,
            privileges, signals,
            wait::End,
        },
        trace::{self, Descendants, Job, Sampling, c_string, open_directory},
    },
    metrics::Metric,
    record::{Instrument, Recording},
    render::{self, Detail},
    text::search_path,
};

/// The tracer failed, not the command; the code is that of env(1) and timeout(1).
const EXIT_TRACER_FAILED: u8 = 125;
const EXIT_CANNOT_RUN: u8 = 126;
const EXIT_NOT_FOUND: u8 = 127;

pub(super) fn run(args: &ExecArgs, color: When) -> Result<ExitCode, Failure> {
    execute(args, color).map_err(|error| {
        let code = match error.downcast_ref::<CannotRun>() {
            Some(CannotRun {
                errno: Errno::ENOENT,
                ..
            }) => EXIT_NOT_FOUND,
            Some(_) => EXIT_CANNOT_RUN,
            None => EXIT_TRACER_FAILED,
        };
        Failure::new(error, code)
    })
}

fn execute(args: &ExecArgs, color: When) -> Result<ExitCode> {
    let words: Vec<String> = args
        .command
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    require_root(&words)?;
    let forced = parse_forced(&args.common.force_probe)?;
    let output = args
        .common
        .output
        .as_deref()
        .map(Output::open)
        .transpose()?;
    let page = lesson::page_file(&args.common)?;
    signals::hold()?;
    let identity = Identity::for_command(args.user.as_deref())?;
    if identity.uid.is_root() {
        say(format_args!(
            "note: {} runs as root; to use another account, give --user ACCOUNT",
            words[0]
        ));
    }
    let directory = match &args.common.work_dir {
        Some(directory) => directory.clone(),
        None => std::env::current_dir().context("current_dir()")?,
    };
    let disk = Disk::of(&directory)?;
    let owns_stdout = args.common.format != Format::Table && output.is_none();
    let job = Job {
        launch: launch(args, &identity, owns_stdout)?,
        shown: words[0].clone(),
        disk: disk.clone(),
        directory: open_directory(&directory)?,
        sampling: Sampling::needed(forced.contains_key(&Metric::CpuSamples)),
        forced,
        injected: args.common.inject.map_or(Injected::Nothing, Injected::from),
        log: KernelLog::wanted(args.common.kernel_log),
        limit: args.timeout,
        descendants: if args.follow {
            Descendants::Followed
        } else {
            Descendants::Left
        },
        settle: args.common.settle,
    };
    let started_at = clock::now();
    let traced = trace::trace(&job)?;
    let recording = assemble::recording(
        &traced,
        RunDescription {
            program: Traceable::Command(words),
            started_at,
            disk: &disk,
            user: &identity.name,
            instrument: Instrument::Ebpf,
            fault_around_bytes: None,
        },
    );
    if let Some(page) = page {
        page.write_text(&output::page(None, &recording)?)?;
    }
    publish(args, color, output, &recording)?;
    if traced.still_running > 0 {
        say(format_args!(
            "note: {}",
            still_running(&job.shown, traced.still_running)
        ));
    }
    Ok(exit_code(&traced.end))
}

fn still_running(command: &str, processes: u64) -> String {
    let (are, they_do) = match processes {
        1 => ("process of it is", "it does"),
        _ => ("processes of it are", "they do"),
    };
    format!(
        "{command} has ended, but {processes} {are} still running; what {they_do} from here on is not counted, so \
         every number is a lower bound. To wait for the last one, give --follow"
    )
}

fn require_root(words: &[String]) -> Result<()> {
    privileges::require_root().with_context(|| {
        let tracer = env::current_exe().unwrap_or_else(|_| PathBuf::from("mmap-trace"));
        let (tracer, command) = (tracer.display(), words.join(" "));
        format!("exec counts in the kernel only. Run: sudo {tracer} exec -- {command}")
    })
}

/// Writes to the output file if there is one, else JSON or CSV to standard output, or tables to standard
/// error.
fn publish(
    args: &ExecArgs,
    color: When,
    output: Option<Output>,
    recording: &Recording,
) -> Result<()> {
    match (output, args.common.format) {
        (Some(output), _) => output.write(recording),
        (None, Format::Json) => output::print(&render::json::render(recording)?),
        (None, Format::Csv) => {
            output::print(&render::csv::recordings(std::slice::from_ref(recording))?)
        }
        (None, Format::Table) => {
            let style = output::style(color, &io::stderr());
            let text = render::table::render(recording, None, style, Detail::All);
            io::stderr()
                .write_all(text.as_bytes())
                .context("cannot write the result to standard error")
        }
    }
}

fn exit_code(end: &End) -> ExitCode {
    let code = match end {
        End::Exited(status) => match (status.code(), status.signal()) {
            (Some(code), _) => code,
            (None, number) => 128 + number.unwrap_or(0),
        },
        End::Interrupted(number) => 128 + number,
        End::TimedOut(_) => i32::from(EXIT_TRACER_FAILED),
    };
    ExitCode::from(u8::try_from(code).unwrap_or(EXIT_TRACER_FAILED))
}

fn launch(args: &ExecArgs, identity: &Identity, owns_stdout: bool) -> Result<Launch> {
    let program = &args.command[0];
    Ok(Launch {
        image: Image::Command(candidates(program)?),
        arguments: args
            .command
            .iter()
            .map(|word| c_string(word.as_bytes()))
            .collect::<Result<_>>()?,
        environment: std::env::vars_os()
            .map(|(name, value)| {
                let mut pair = name;
                pair.push("=");
                pair.push(value);
                c_string(pair.as_bytes())
            })
            .collect::<Result<_>>()?,
        directory: None,
        identity: (identity.uid != geteuid()).then(|| identity.clone()),
        stdout: if owns_stdout {
            Stdout::ToStderr
        } else {
            Stdout::Inherited
        },
        // The terminal belongs to whom sudo was called by, but not to an account named here.
        fence: if args.user.is_some() && identity.uid != geteuid() {
            Fence::Session
        } else {
            Fence::Open
        },
        limits: Vec::new(),
    })
}

/// The paths that a command may mean, for execve(2).
fn candidates(program: &OsStr) -> Result<Vec<CString>> {
    let paths = search_path::candidates(program).into_iter();
    paths
        .map(|path| c_string(path.into_os_string().as_bytes()))
        .collect()
}
