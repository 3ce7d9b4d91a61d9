//! `mmap-trace doctor`: examines what can be counted on this machine.

use std::{io, path::PathBuf, process::ExitCode};

use super::{EXIT_ENVIRONMENT, Failure, output};
use crate::{
    cli::{DoctorArgs, DoctorFormat, When},
    count::{
        doctor::{self, Host},
        session::work_dir,
    },
    diagnosis::CountingSum,
    render,
};

/// Some metric cannot be counted here; like the exit code of `run` for unobservable claims.
const EXIT_INCOMPLETE: u8 = 3;

pub(super) fn run(args: &DoctorArgs, color: When) -> Result<ExitCode, Failure> {
    let directory = args
        .work_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(work_dir::DEFAULT_PARENT));
    let report = doctor::examine(&Host::this(directory));
    let text = match args.format {
        DoctorFormat::Json => render::json::render(&report)?,
        DoctorFormat::Table => render::doctor::render(&report, output::style(color, &io::stdout())),
    };
    output::print(&text)?;
    Ok(match report.sum {
        CountingSum::Everything => ExitCode::SUCCESS,
        CountingSum::Some => ExitCode::from(EXIT_INCOMPLETE),
        CountingSum::Nothing => ExitCode::from(EXIT_ENVIRONMENT),
    })
}
