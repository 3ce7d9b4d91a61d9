//! Live tests: the real tracer on the real kernel, compared with programs that know what they did and with
//! strace and perf.
//!
//! This binary has three parts to play. As a test it starts tracers, with `--workload` it is the command
//! that `exec` traces, and with a session page it is the lesson that `run` traces. That needs no second
//! package and ships no workload.

mod account;
mod browser;
mod check;
mod disk;
mod harness;
mod kernel;
mod lesson;
mod oracle;
mod page_copies;
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
