//! The commands of this repository, as `cargo xtask COMMAND`.
//!
//! This file parses the command line, calls one module, and is the only place that prints an error:
//! `error: …`, and a `  caused by: …` line for each cause.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner prints"
)]
#![allow(missing_docs, reason = "nothing outside of this package uses it")]

mod cli;

mod setup;

mod vm;

mod run;

mod test;

mod course;

mod completions;
mod manual;

// Shared by the modules above.
mod account;
mod apt;
mod build;
mod cache;
mod ownership;
mod problem;
mod say;
mod tool;
mod workspace;

use std::process::ExitCode;

use clap::ArgMatches;

use account::Privileges;
use cli::Task;
use run::Given;
use test::Scope;

/// The tracer's exit code for wrong usage and for a machine that lacks something.
const USAGE_OR_ENVIRONMENT: u8 = 2;

fn main() -> ExitCode {
    let (task, matches) = match cli::parse() {
        Ok(parsed) => parsed,
        Err(usage) => {
            // Help goes to stdout and is a success.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() {
                USAGE_OR_ENVIRONMENT
            } else {
                0
            });
        }
    };
    match dispatch(task, &matches) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            for cause in error.chain().skip(1) {
                eprintln!("  caused by: {cause}");
            }
            ExitCode::from(USAGE_OR_ENVIRONMENT)
        }
    }
}

fn dispatch(task: Task, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let lesson = || {
        let lesson = matches.get_one::<String>("lesson");
        lesson.map_or("", String::as_str)
    };
    match task {
        Task::Run(kernels) => run::run(lesson(), &kernels, &Given::for_run(matches)),
        Task::Open => run::open(lesson(), &Given::for_run(matches)),
        Task::Doctor => run::doctor(&Given::for_doctor(matches)),
        Task::Kernels {
            remove: Some(series),
            ..
        } => vm::list::remove(series),
        Task::Kernels { record: true, .. } => vm::record::record(&Privileges::now().builder()?),
        Task::Kernels { format, .. } => vm::list::list(format),
        Task::List => course::list(),
        Task::Read { lesson } => course::read(&lesson),
        Task::Completions { shell } => completions::print(shell),
        Task::Man { directory } => manual::write(directory),
        Task::Lessons => course::check(&Privileges::now().builder()?),
        Task::Setup { print } => setup::command(if print {
            setup::Mode::Print
        } else {
            setup::Mode::Prepare
        }),
        Task::Test {
            native,
            kernel,
            only,
        } => test::run(&match (native, kernel) {
            (true, _) => Scope::Native,
            (false, kernels) if kernels.is_empty() => Scope::Everything,
            (false, kernels) => Scope::Kernels { kernels, only },
        }),
    }
}
