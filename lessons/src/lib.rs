//! The library that all lessons share: scenarios, their files and their mappings.
//!
//! A lesson is an ordinary program. It meets the tracer only in [`run`] and [`Lesson::scenario`]: entering
//! a scenario is one store into memory that the tracer shares, and without a tracer the same store goes
//! into private memory. So a lesson does the same work with and without the tracer, and marking a scenario
//! never shows in its counts.

#![allow(
    missing_docs,
    reason = "the crate is not published; where a name says it all, a comment would repeat it"
)]

use std::process::ExitCode;

mod children;
mod cli;
mod collapse;
mod failure;
mod io_account;
mod lesson;
mod made_files;
mod resident;
mod round;
mod run_state;
mod scenario;
mod session;
mod side_process;
mod summary;
mod supervise;
mod usage;
mod vmstat;
mod work;
mod work_directory;

pub mod address_space;
pub mod bystander;
pub mod data;
pub mod map_request;
pub mod mapping;
pub mod memory;
mod one_cpu;
pub mod shared;
pub mod turn;

pub use children::Child;
pub use cli::Patience;
pub use lesson::{Lesson, Play};
pub use mmap_trace_ebpf::session::Role;
pub use round::Round;
pub use scenario::Scenario;
pub use side_process::SideProcess;
pub use work::Work;

use cli::Options;
use failure::Failure;
use session::Session;

/// Parses the command line, opens the session, runs `body`, and prints the summary of an untraced run and
/// any error.
///
/// The exit code is 0, or 1 if the lesson failed, or 2 if the command line cannot work.
pub fn run(
    default_size_bytes: u64,
    body: impl FnOnce(&mut Lesson) -> anyhow::Result<()>,
) -> ExitCode {
    abort_on_panic();
    let options = match Options::read(default_size_bytes) {
        Ok(options) => options,
        Err(message) => return cli::report(&message),
    };
    match start(options, body) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// Makes a panic end the process that panics. In a forked child it would otherwise unwind the copy of its
/// parent's stack, and remove the parent's files.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort()
    }));
}

/// A traced lesson works in the directory that the tracer chose, an untraced one in a directory that a
/// supervisor removes.
fn start(
    options: Options,
    body: impl FnOnce(&mut Lesson) -> anyhow::Result<()>,
) -> Result<ExitCode, Failure> {
    if let Some(session) = Session::inherited().map_err(Failure::Usage)? {
        let directory = options.directory.clone().unwrap_or_else(|| ".".into());
        lesson::run(session, options, directory, body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let directory = work_directory::fresh(options.directory.as_deref()).map_err(Failure::Usage)?;
    supervise::inside(directory, |directory| {
        let session = Session::private().map_err(Failure::Lesson)?;
        lesson::run(session, options, directory, body)?;
        summary::print(session.page()).map_err(Failure::Lesson)
    })
}

/// The page size of this machine in bytes.
#[must_use]
pub fn page_bytes() -> usize {
    use nix::unistd::{SysconfVar, sysconf};
    // Linux always answers; 4 KiB is the smallest page size of every architecture that it runs on.
    let answer = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    answer
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(4096)
}
