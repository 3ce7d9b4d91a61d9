//! `mmap-trace completions`: the completions of a shell.

use std::process::ExitCode;

use clap::CommandFactory as _;

use super::{Failure, output};
use crate::{
    cli::{Cli, CompletionsArgs},
    completions,
};

pub(super) fn run(args: CompletionsArgs) -> Result<ExitCode, Failure> {
    let script = completions::script(Cli::command(), "mmap-trace", args.shell)?;
    output::print(&script)?;
    Ok(ExitCode::SUCCESS)
}
