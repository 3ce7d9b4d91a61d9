//! Parses the command line, runs one command, and prints its error.

use std::process::ExitCode;

use clap::Parser as _;
use mmap_trace::{cli::Cli, commands};

fn main() -> ExitCode {
    abort_on_panic();
    let inherited = mmap_trace::count::session::child::inherited_descriptors();
    let cli = Cli::parse();
    match commands::run(cli, &inherited) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Makes a panic end the process that panics: a forked child must not unwind the copy of the tracer's stack
/// and remove what the tracer still uses.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort()
    }));
}
