//! The command line: what can be asked, and nothing about how it is done.

use std::ffi::OsString;

use clap::{Parser, Subcommand};

/// Tasks of the mmap-trace repository.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// One task.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up what is missing, build, and run a lesson under the tracer
    Run {
        /// `lesson-3`, `3` or `read-vs-mmap`
        lesson: String,
        /// Passed to `mmap-trace run` as they are
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<OsString>,
    },
    /// List the lessons: id, folder, title, question, minutes
    List,
    /// Read the text of a lesson, paged on a terminal
    Read {
        /// `lesson-3`, `3` or `read-vs-mmap`
        lesson: String,
    },
    /// Fetch what building the eBPF programs needs into a cache; installs nothing, needs no root
    Setup {
        /// Show the commands, run none of them
        #[arg(long)]
        print: bool,
    },
    /// Format, lints, documentation and all tests; the last line is the sum
    Test,
}
