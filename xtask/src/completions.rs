//! `cargo xtask completions`: completions for this program under a name of its own. `cargo` itself has
//! completions already, and those of bash and fish have no place for an alias.

use std::process::ExitCode;

use anyhow::Result;
use mmap_trace::{cli::Shell, completions};

use crate::cli;

/// The name of the shell function that calls this program, as README.md has it.
const FUNCTION: &str = "xtask";

/// Prints them.
pub(crate) fn print(shell: Shell) -> Result<ExitCode> {
    let command = cli::command().name(FUNCTION).bin_name(FUNCTION);
    print!("{}", completions::script(command, FUNCTION, shell)?);
    Ok(ExitCode::SUCCESS)
}
