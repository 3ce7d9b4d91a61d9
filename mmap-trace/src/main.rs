//! Parses the command line, runs one command, and prints its error.

use std::process::ExitCode;

use clap::Parser as _;
use mmap_trace::{cli::Cli, commands};

fn main() -> ExitCode {
    let inherited = mmap_trace::count::session::child::inherited_descriptors();
    let cli = Cli::parse();
    match commands::run(cli, &inherited) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
