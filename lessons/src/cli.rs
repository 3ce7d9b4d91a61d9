//! The command line that all lessons have in common.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{CommandFactory, FromArgMatches, Parser};
use mmap_trace_ebpf::size;

#[derive(Clone, Debug, Parser)]
#[command(
    about = "Run one lesson of mmap-trace without the tracer",
    after_help = "To run it under the tracer and see what the kernel counts: cargo xtask run lesson-N",
    version
)]
pub(crate) struct Options {
    /// Size of the lesson's data in bytes, or with KiB, MiB or GiB; rounded up to whole pages
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Size,
    /// Run only this scenario
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Option<String>,
    /// Prepare and enter every scenario, but skip its body
    #[arg(long)]
    empty: bool,
    /// Trigger at once what the kernel would do in its own time, instead of waiting for it
    #[arg(long)]
    no_wait: bool,
    /// Work inside this directory instead of /var/tmp
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

/// Whether scenarios run their bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bodies {
    Run,
    /// Only preparing and entering a scenario is left, which shows what these cost.
    LeftOut,
}

/// Whether a lesson waits for what the kernel does in its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    Wait,
    /// Trigger it at once, and leave open how long it would have taken.
    Hasten,
}

impl Options {
    pub(crate) fn read(default_size_bytes: u64) -> Result<Self, clap::Error> {
        // Without clap's `string` feature, a default must live as long as the program.
        let default: &'static str = Size(default_size_bytes).to_string().leak();
        let command =
            Options::command().mut_arg("size", |size| size.required(false).default_value(default));
        Options::from_arg_matches(&command.try_get_matches()?)
    }

    pub(crate) fn bodies(&self) -> Bodies {
        if self.empty {
            Bodies::LeftOut
        } else {
            Bodies::Run
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        if self.no_wait {
            Patience::Hasten
        } else {
            Patience::Wait
        }
    }
}

/// Prints clap's message: help and version, which clap calls errors too, are a success.
pub(crate) fn report(message: &clap::Error) -> ExitCode {
    // If stdout or stderr is closed, nobody can be told.
    let _ = message.print();
    if message.use_stderr() {
        ExitCode::from(2)
    } else {
        ExitCode::SUCCESS
    }
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl Size {
    /// The size rounded up to whole pages, or `None` if memory cannot address that many bytes.
    pub(crate) fn whole_pages(self, page_bytes: usize) -> Option<usize> {
        let bytes = self.0.checked_next_multiple_of(page_bytes as u64)?;
        // Offsets and observations are signed.
        isize::try_from(bytes).ok().map(isize::unsigned_abs)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match size::parse(text)? {
            0 => Err("a lesson needs at least one byte".to_owned()),
            bytes => Ok(Size(bytes)),
        }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match UNITS.iter().find(|(_, unit)| self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(out, "{}{name}", self.0 / unit),
            None => write!(out, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<Size>().map(|size| size.0);
        assert_eq!(read("4096"), Ok(4096));
        assert_eq!(read("64MiB"), Ok(64 << 20));
        assert_eq!(read("64 KiB"), Ok(64 << 10));
        assert_eq!(read("1GiB"), Ok(1 << 30));
        for wrong in [
            "",
            "0",
            "0MiB",
            "-1",
            "1.5MiB",
            "64MB",
            "MiB",
            "99999999999999GiB",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_shown_in_the_largest_unit_that_fits() {
        for text in ["1GiB", "64MiB", "12KiB", "4097"] {
            let size: Size = text.parse().expect("valid");
            assert_eq!(size.to_string(), text);
        }
    }

    #[test]
    fn sizes_become_whole_pages() {
        assert_eq!(Size(1).whole_pages(4096), Some(4096));
        assert_eq!(Size(8192).whole_pages(4096), Some(8192));
        assert_eq!(Size(u64::MAX).whole_pages(4096), None);
        assert_eq!(Size(1 << 63).whole_pages(4096), None);
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }
}
