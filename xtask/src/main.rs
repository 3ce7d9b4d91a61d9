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

// Shared by the above.
mod account;
mod apt;
mod build;
mod cache;
mod ownership;
mod path;
mod problem;
mod say;
mod tool;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use account::Privileges;
use cli::{Cli, Command};

/// The tracer's exit code for wrong usage and for a machine that lacks something.
const USAGE_OR_ENVIRONMENT: u8 = 2;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help goes to stdout and is a success; clap knows which of the two this is.
            let _ = usage.print();
            return ExitCode::from(if usage.use_stderr() {
                USAGE_OR_ENVIRONMENT
            } else {
                0
            });
        }
    };
    match dispatch(cli) {
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

fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Run { lesson, .. } if lesson == "--help" || lesson == "-h" => {
            cli::print_run_help().context("write(stdout)")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Run { lesson, options } => run::run(&lesson, &options),
        Command::Doctor { options } => run::doctor(&options),
        Command::Kernels {
            remove: Some(series),
            ..
        } => vm::list::remove(series),
        Command::Kernels { format, .. } => vm::list::list(format),
        Command::List => course::list(),
        Command::Read { lesson } => course::read(&lesson),
        Command::Lessons => course::check(&Privileges::now().builder()?),
        Command::Setup { print } => setup::command(if print {
            setup::Mode::Print
        } else {
            setup::Mode::Prepare
        }),
        Command::Test {
            native,
            kernel,
            only,
        } => test::run(&match (native, kernel) {
            (true, _) => test::Scope::Native,
            (false, kernels) if kernels.is_empty() => test::Scope::Everything,
            (false, kernels) => test::Scope::Kernels { kernels, only },
        }),
    }
}
