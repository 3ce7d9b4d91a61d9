//! What every lesson shares: scenarios, their files and their mappings.
//!
//! A lesson is an ordinary program. The only thing in it that knows of a tracer is
//! [`run`] with [`Lesson::scenario`]: entering a scenario is one store into memory that the tracer
//! shares, and without a tracer the same store goes into memory of our own. So a lesson does the same
//! work either way, and marking a scenario never shows in its counts.

use std::process::ExitCode;

mod beside;
mod children;
mod cli;
mod collapse;
mod failure;
mod io_account;
mod lesson;
mod made;
mod resident;
mod round;
mod scenario;
mod session;
mod summary;
mod supervise;
mod usage;
mod work_directory;

pub mod address_space;
pub mod attempt;
pub mod bystander;
pub mod data;
pub mod mapping;
pub mod memory;
pub mod shared;
pub mod turn;

pub use beside::Beside;
pub use children::Child;
pub use cli::Patience;
pub use lesson::Lesson;
pub use mmap_trace_ebpf::session::Role;
pub use round::{Round, Work};
pub use scenario::Scenario;

use cli::Options;
use failure::Failure;
use lesson::ATTEMPTS;
use session::Session;

/// Parses the command line, opens the session, runs `body`, prints what an untraced run has to say,
/// and formats errors once.
///
/// Exit codes: 0, or 1 if the lesson failed, or 2 if it was called in a way that cannot work.
pub fn run(
    default_size_bytes: u64,
    body: impl FnOnce(&mut Lesson) -> anyhow::Result<()>,
) -> ExitCode {
    let options = match Options::read(default_size_bytes) {
        Ok(options) => options,
        Err(answer) => return cli::report(&answer),
    };
    match start(options, body) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}

/// A traced lesson works where the tracer put it; an untraced one in a directory that a supervisor removes.
fn start(
    options: Options,
    body: impl FnOnce(&mut Lesson) -> anyhow::Result<()>,
) -> Result<ExitCode, Failure> {
    if let Some(session) = Session::inherited().map_err(Failure::Usage)? {
        let directory = options.directory.clone().unwrap_or_else(|| ".".into());
        lesson::teach(session, options, directory, body)?;
        return Ok(ExitCode::SUCCESS);
    }
    let directory = work_directory::fresh(options.directory.as_deref()).map_err(Failure::Usage)?;
    supervise::inside(directory, |directory| {
        let session = Session::private().map_err(Failure::Lesson)?;
        lesson::teach(session, options, directory, body)?;
        summary::print(session.page()).map_err(Failure::Lesson)
    })
}

/// Bytes of a page on this machine.
#[must_use]
pub fn page_bytes() -> usize {
    use nix::unistd::{SysconfVar, sysconf};
    // Linux always answers; 4 KiB is the least page of every architecture it runs on.
    let answer = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
    answer
        .and_then(|bytes| usize::try_from(bytes).ok())
        .unwrap_or(4096)
}
