//! The commands of this repository, as `cargo xtask COMMAND`.
//!
//! This file parses the command line, calls one room, and is the only place that prints an error:
//! `error: …`, then one `  caused by: …` line for each cause.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "printing is what a task runner is for"
)]

mod account;
mod cache;
mod cli;
mod kernels;
mod lessons;
mod ownership;
mod path;
mod problem;
mod run;
mod say;
mod setup;
mod test;
mod tool;
mod tracer;
mod workspace;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use account::Standing;
use cli::{Cli, Command};

/// Wrong usage, or a machine that lacks something: the same code the tracer gives.
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
        } => kernels::list::remove(series),
        Command::Kernels { format, .. } => kernels::list::list(format),
        Command::List => lessons::list(),
        Command::Read { lesson } => lessons::read(&lesson),
        Command::Lessons => lessons::prove(&Standing::now().builder()?),
        Command::Setup { print } => setup::command(if print {
            setup::Mode::Print
        } else {
            setup::Mode::Prepare
        }),
        Command::Test {
            native,
            kernel,
            only,
        } => test::run(&test::Scope::of(native, kernel), &only),
    }
}
