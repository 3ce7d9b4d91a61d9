//! The command line.

use std::ffi::OsString;

use crate::vm::{list::Format, series::Series};
use clap::{CommandFactory as _, Parser, Subcommand};

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
    // `run lesson-3 --help` is the tracer's to answer; `run --help` is answered in `main`.
    #[command(disable_help_flag = true)]
    Run {
        /// `lesson-3`, `3` or `read-vs-mmap`; `all` runs every lesson and lists the claims of the notes
        #[arg(allow_hyphen_values = true)]
        lesson: String,
        /// `--kernel 6.12` or `--kernel all` runs it in another kernel, in a VM that needs no root;
        /// `--kernel-image FILE` with `--kernel-modules DIR` in one of your own. Everything else is passed
        /// to `mmap-trace run` as it is
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<OsString>,
    },
    /// List kernels: the running one, those in the cache, and those that Debian offers
    Kernels {
        /// How to print the list
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// Delete this kernel from the cache
        #[arg(long, value_name = "SERIES")]
        remove: Option<Series>,
    },
    /// Say what can be counted on this machine, what cannot, and why
    #[command(disable_help_flag = true)]
    Doctor {
        /// Passed to `mmap-trace doctor` as they are
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

/// Prints the help of `run`, whose flags are all the tracer's.
pub(crate) fn print_run_help() -> std::io::Result<()> {
    let mut cli = Cli::command();
    // Gives the part its full name.
    cli.build();
    match cli.find_subcommand_mut("run") {
        Some(run) => run.print_help(),
        None => cli.print_help(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> Option<(String, Vec<OsString>)> {
        match Cli::try_parse_from([&["xtask", "run"], args].concat())
            .ok()?
            .command
        {
            Command::Run { lesson, options } => Some((lesson, options)),
            _ => None,
        }
    }

    #[test]
    fn everything_after_the_lesson_goes_to_the_tracer() {
        for after in [
            &["--help"][..],
            &["--size", "8MiB", "--only", "null"],
            &["-h", "x", "--"],
        ] {
            let (lesson, options) = options(&[&["lesson-3"], after].concat()).unwrap();
            assert_eq!(lesson, "lesson-3");
            assert_eq!(
                options,
                after.iter().map(OsString::from).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
