//! The command line.

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use mmap_trace::cli::Shell;

use crate::{
    run::{self, KernelArgs},
    vm::{list::Format, series::Series},
};

/// Tasks of the mmap-trace repository.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    disable_help_subcommand = true
)]
pub(crate) struct Xtask {
    #[command(subcommand)]
    pub(crate) task: Task,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Set up what is missing, build, and run a lesson under the tracer
    // The lesson and the tracer's options come from the tracer, see `command`.
    Run(KernelArgs),
    /// Run a lesson and open its page: the text with this run's numbers and verdicts in their places
    // Its options come from the tracer, see `command`.
    Open,
    /// List kernels: the running one, those in the cache, and those that Debian offers
    Kernels {
        /// How to print the list
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// Delete this kernel from the cache
        #[arg(long, value_name = "SERIES")]
        remove: Option<Series>,
        /// Boot the kernels whose facts tests use, and record those facts again
        #[arg(long, conflicts_with_all = ["remove", "format"])]
        record: bool,
    },
    /// Say what can be counted on this machine, what cannot, and why
    // Its options come from the tracer, see `command`.
    Doctor,
    /// List the lessons: id, folder, title, question, minutes
    List,
    /// Read the text of a lesson, paged on a terminal
    Read {
        /// `lesson-3`, `3` or `read-vs-mmap`
        lesson: String,
    },
    /// Print the completions of a shell, for this program under the name `xtask`
    Completions {
        /// The shell that is to read them
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write manual pages of the tracer and of this program
    Man {
        /// Where to write them, by default target/man
        directory: Option<PathBuf>,
    },
    /// Check that text, program and claims of every lesson fit together
    Lessons,
    /// Fetch what building the eBPF programs needs into a cache; installs nothing and needs no root
    Setup {
        /// Print the commands instead of running them
        #[arg(long)]
        print: bool,
    },
    /// Check format, lints and documentation, run all tests, here and in other kernels, and print the sum
    Test {
        /// Leave out the VMs with other kernels
        #[arg(long, conflicts_with = "kernel")]
        native: bool,
        /// Only the live tests, in a VM with this kernel; may be given several times
        #[arg(long, value_name = "SERIES")]
        kernel: Vec<Series>,
        /// With `--kernel`: only tests whose name contains this text; may be given several times
        #[arg(long, value_name = "TEXT", requires = "kernel")]
        only: Vec<String>,
    },
}

/// The command line with the options that the tracer adds.
pub(crate) fn command() -> clap::Command {
    Xtask::command()
        .mut_subcommand("run", run::add_run)
        .mut_subcommand("open", run::add_run)
        .mut_subcommand("doctor", run::add_doctor)
}

/// The task, and the matches of its subcommand for the tracer's options.
pub(crate) fn parse() -> Result<(Task, clap::ArgMatches), clap::Error> {
    let mut matches = command().try_get_matches()?;
    let task = Xtask::from_arg_matches(&matches)?.task;
    let (_, of_task) = matches.remove_subcommand().unwrap_or_default();
    Ok((task, of_task))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_help_of_run_lists_the_options_of_tracer_and_vm() {
        let mut command = command();
        command.build();
        let run = command.find_subcommand_mut("run").unwrap();
        let help = run.render_help().to_string();
        for option in [
            "--only",
            "--unprivileged",
            "--color",
            "--kernel",
            "--kernel-modules",
        ] {
            assert!(help.contains(option), "no {option} in {help}");
        }
        assert!(help.starts_with("Set up what is missing"), "{help}");
    }
}
