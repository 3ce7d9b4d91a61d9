//! Why a run fails, and the one place where errors become text.

use std::io::Write;
use std::process::ExitCode;

/// Why a lesson could not be completed; the kinds have different exit codes.
pub(crate) enum Failure {
    /// The command line cannot work here: exit code 2.
    Usage(anyhow::Error),
    /// The lesson itself failed: exit code 1.
    Lesson(anyhow::Error),
}

impl Failure {
    /// Prints the error to stderr and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (code, error) = match self {
            Failure::Usage(error) => (2, error),
            Failure::Lesson(error) => (1, error),
        };
        // If stderr is closed, nobody can be told.
        let _ = std::io::stderr().write_all(format!("error: {error:#}\n").as_bytes());
        ExitCode::from(code)
    }
}
