//! The two ways in which a run ends badly, and the one place where errors become text.

use std::io::Write;
use std::process::ExitCode;

/// Why a lesson could not be completed.
pub(crate) enum Failure {
    /// It was called in a way that cannot work here: exit code 2.
    Usage(anyhow::Error),
    /// The lesson itself failed: exit code 1.
    Lesson(anyhow::Error),
}

impl Failure {
    /// Says why on stderr and gives the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, error) = match self {
            Failure::Usage(error) => (2, error),
            Failure::Lesson(error) => (1, error),
        };
        // Without a stderr there is nobody left to tell.
        let _ = std::io::stderr().write_all(format!("error: {error:#}\n").as_bytes());
        ExitCode::from(code)
    }
}
