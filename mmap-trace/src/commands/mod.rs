//! One module per subcommand: each connects the stages, and prints what `render` returns.

mod all;
mod ask;
mod claims;
mod completions;
mod doctor;
mod exec;
mod lesson;
mod notice;
mod output;
mod play;
mod predict;
mod report;
mod run;

use std::{os::fd::RawFd, process::ExitCode};

use crate::cli::{Cli, Command};
use notice::say;

/// Exit code for wrong usage and for an unsuitable environment.
pub const EXIT_ENVIRONMENT: u8 = 2;

/// An error, its exit code, and what can be done instead.
#[derive(Debug)]
pub struct Failure {
    error: anyhow::Error,
    code: u8,
    help: Option<String>,
}

impl Failure {
    #[must_use]
    pub fn new(error: anyhow::Error, code: u8) -> Self {
        Failure {
            error,
            code,
            help: None,
        }
    }

    #[must_use]
    pub fn with_help(self, help: Option<String>) -> Self {
        Failure { help, ..self }
    }

    #[must_use]
    pub fn report(&self) -> ExitCode {
        let error = format!("error: {}", self.error);
        let causes = self.error.chain().skip(1);
        let causes = causes.map(|cause| format!("  caused by: {cause}"));
        let texts = [error].into_iter().chain(causes).chain(self.help.clone());
        texts.for_each(say);
        ExitCode::from(self.code)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::new(error, EXIT_ENVIRONMENT)
    }
}

/// Runs the chosen subcommand. `inherited` are the descriptors with which the tracer was started.
pub fn run(cli: Cli, inherited: &[RawFd]) -> Result<ExitCode, Failure> {
    match cli.command {
        Command::Run(args) => run::run(&args, cli.color, inherited),
        Command::Exec(args) => exec::run(&args, cli.color),
        Command::Predict(args) => predict::run(&args),
        Command::Report(args) => report::run(&args, cli.color),
        Command::Claims(args) => claims::run(&args, cli.color),
        Command::Doctor(args) => doctor::run(&args, cli.color),
        Command::Completions(args) => completions::run(args),
    }
}
