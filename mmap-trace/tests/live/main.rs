//! Live tests: the real tracer on the real kernel, held against programs that know what they did and
//! against tools that we did not write.
//!
//! This binary is three things. As a test it starts tracers; with `--workload` it is the program that
//! `exec` traces; with a session page it is the lesson that `run` traces. So no second package is
//! needed, and no workload is shipped.

mod account;
mod check;
mod harness;
mod kernel;
mod lesson;
mod oracle;
mod random;
mod sys;
mod tracer;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if lesson::is_lesson() {
        return lesson::main(&arguments);
    }
    if arguments.iter().any(|argument| argument == "--workload") {
        return workload::main(&arguments);
    }
    harness::run(check::SUBJECTS)
}
